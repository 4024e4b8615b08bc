"""CR-05: the images the pods of a node need, against those the runtime has there."""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Table, finding
from kuberunbooks.objects import ContainerView, Pod

from ..rules.crictl_compare import PodIndex, clocks
from ..rules.crictl_images import byte_text, digest_of, has_image, image_named
from ..rules.crictl_read import NodeRuntime, Seen
from ..rules.crictl_values import RuntimeImage
from ..step import NotChecked, Yielded, step
from .target import RuntimeNodes, cite, node_subject
from .version import NOTHING

_ROWS = 40


@step("CR-05", title="Are the pods' images there?")
def images(target: RuntimeNodes, cluster: Cluster) -> Iterator[Yielded]:
    """Has the runtime the images of its pods, by digest, and does a tag mean the same everywhere?"""
    listed = [(one, one.images) for one in target.runtimes(cluster) if one.images is not None]
    for one, seen in listed:
        yield _table(one, seen)
        if clocks(seen, cluster.now).comparable:
            index, _ = target.pods_on(one.node, cluster)
            yield from _compare(one, seen, index)
        else:
            yield NotChecked("The list is of another time than what the API says: they were not compared.")
    yield from _between_nodes(listed)
    if not listed:
        heard = bool(target.runtimes(cluster))
        yield NotChecked(
            "The runtime's images were not listed: give what crictl images prints." if heard else NOTHING
        )


def _compare(one: NodeRuntime, seen: Seen[list[RuntimeImage]], index: PodIndex) -> Iterator[Finding]:
    found = 0
    absent: list[Finding] = []
    for pod in index.pods:
        for view in pod.containers():
            if view.status.state.running is not None and has_image(view.status.image_id, seen.value):
                found += 1
            yield from _moved(pod, view, seen)
            absent += _absent(pod, view, seen)
    yield from absent
    if found and not absent:
        yield finding(
            "ImageOnNode",
            node_subject(one.node),
            evidence=cite(seen, f"{len(seen.value)} images"),
            found=found,
        )


def _absent(pod: Pod, view: ContainerView, seen: Seen[list[RuntimeImage]]) -> Iterator[Finding]:
    """The image a waiting container needs, when the whole list lacks it."""
    image = view.spec.image if view.spec is not None else ""
    if view.status.state.waiting is None or not image or not seen.whole:
        return
    if image_named(image, seen.value) is None:
        yield finding(
            "ImageNotOnNode",
            pod,
            container=view.name,
            evidence=(
                pod.cite(f"{view.path}.state.waiting"),
                cite(seen, f"{len(seen.value)} images, not this one"),
            ),
            image=image,
            reason=view.status.state.waiting.reason,
            node=pod.spec.node_name,
        )


def _moved(pod: Pod, view: ContainerView, seen: Seen[list[RuntimeImage]]) -> Iterator[Finding]:
    """A running container whose tag has another digest on the node by now."""
    image = view.spec.image if view.spec is not None else ""
    if view.status.state.running is None or not image or "@" in image:
        return
    now, was = image_named(image, seen.value), digest_of(view.status.image_id)
    if now is None or not was or not now.digests or has_image(view.status.image_id, [now]):
        return
    yield finding(
        "ImageTagMoved",
        pod,
        container=view.name,
        evidence=(pod.cite(f"{view.path}.imageID"), cite(seen, now.digests[0])),
        image=image,
        runs=was[:19],
        tagged=digest_of(now.digests[0])[:19],
        node=pod.spec.node_name,
    )


def _between_nodes(listed: list[tuple[NodeRuntime, Seen[list[RuntimeImage]]]]) -> Iterator[Finding]:
    """The same tag with another digest on two nodes: pods of one workload then run different programs."""
    first: dict[str, tuple[NodeRuntime, Seen[list[RuntimeImage]], RuntimeImage]] = {}
    for one, seen in listed:
        for image in seen.value:
            for tag in image.tags if image.digests else ():
                before = first.setdefault(tag, (one, seen, image))
                digests = {digest_of(each) for each in image.digests}
                if before[0] is one or digests & {digest_of(each) for each in before[2].digests}:
                    continue
                yield finding(
                    "ImageDigestDiffers",
                    node_subject(one.node),
                    evidence=(cite(before[1], before[2].digests[0]), cite(seen, image.digests[0])),
                    group=(tag,),
                    image=tag,
                    node=one.node,
                    other=before[0].node,
                    digest=digest_of(image.digests[0])[:19],
                    other_digest=digest_of(before[2].digests[0])[:19],
                )


def _table(one: NodeRuntime, seen: Seen[list[RuntimeImage]]) -> Table:
    rows = sorted(seen.value, key=lambda each: -each.size)
    return Table(
        caption=f"Images on {one.node or 'the node'}, the largest first",
        columns=[
            Column(name="image"),
            Column(name="id"),
            Column(name="size", numeric=True),
            Column(name="pinned"),
        ],
        rows=[
            [each.text, each.id.rpartition(":")[2][:13], byte_text(each.size), "yes" if each.pinned else ""]
            for each in rows[:_ROWS]
        ],
        omitted=max(0, len(rows) - _ROWS),
    )
