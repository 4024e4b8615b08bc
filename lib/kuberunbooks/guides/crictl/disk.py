"""CR-10 (ours): what fills the disk images and containers are on, and what could go."""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Note, Table, finding
from kuberunbooks.objects import Node

from ..rules.container_disk import FileSystem, holding
from ..rules.crictl_images import byte_text, unused
from ..rules.crictl_read import NodeRuntime
from ..rules.crictl_values import RuntimeImage
from ..rules.thresholds import IMAGE_FS_FULL, IMAGES_UNUSED
from ..step import NotChecked, Yielded, step
from .target import RuntimeNodes, cite, node_subject
from .version import NOTHING

_ROWS = 20


@step("CR-10", title="Do images fill the disk?")
def disk(target: RuntimeNodes, cluster: Cluster) -> Iterator[Yielded]:
    """How full is the disk images are on, and which images does nobody use?"""
    runtimes = target.runtimes(cluster)
    checked = False
    for one in runtimes:
        node = cluster.node(one.node).object if one.node and (one.image_fs or one.images) else None
        system = _system(one)
        left, judged = _unused(one, target, cluster)
        yield from _said(one, system)
        if system is not None:
            checked = True
            yield from _full(one, system, node, left)
        if judged:
            checked = True
            yield from _left(one, system, left)
    if not checked:
        yield NotChecked(
            "How full the images' disk is, and which images are unused, was not seen: it takes "
            "crictl imagefsinfo, crictl images, crictl ps -a and df -P -k."
            if runtimes
            else NOTHING
        )


def _system(one: NodeRuntime) -> FileSystem | None:
    """The file system images are in, as df shows it."""
    if one.image_fs is None or one.disks is None or not one.image_fs.value:
        return None
    return holding(one.image_fs.value[0].mountpoint, one.disks.value)


def _said(one: NodeRuntime, system: FileSystem | None) -> Iterator[Note]:
    for each in one.image_fs.value if one.image_fs is not None else ():
        of = f", on a file system {system.share:.0%} full" if system is not None else ""
        yield Note(
            text=f"Images of {one.node or 'the node'} take {byte_text(each.used)} in {each.mountpoint}{of}."
        )


def _unused(one: NodeRuntime, target: RuntimeNodes, cluster: Cluster) -> tuple[list[RuntimeImage], bool]:
    """The images nobody uses, and whether that can be said: ended containers must be listed too."""
    if one.images is None or one.containers is None or not one.images.whole or not one.containers.whole:
        return [], False
    index, _ = target.pods_on(one.node, cluster)
    names = [
        each.image
        for pod in index.pods
        for each in (*pod.spec.containers, *pod.spec.init_containers, *pod.spec.ephemeral_containers)
    ]
    return unused(one.images.value, one.containers.value, names), True


def _full(
    one: NodeRuntime, system: FileSystem, node: Node | None, left: list[RuntimeImage]
) -> Iterator[Finding]:
    assert one.disks is not None
    pressed = node is not None and node.is_condition_true("DiskPressure")
    shown = f"{system.mount} {system.share:.0%} used, {byte_text(system.free)} free"
    if system.share < IMAGE_FS_FULL and not pressed:
        yield finding(
            "ImageFilesystemOk",
            node_subject(one.node),
            evidence=cite(one.disks, shown),
            share=round(system.share * 100),
            free=byte_text(system.free),
        )
        return
    images = one.image_fs.value[0].used if one.image_fs is not None and one.image_fs.value else 0
    yield finding(
        "ImageFilesystemFull",
        node_subject(one.node),
        evidence=[
            cite(one.disks, shown),
            *([node.cite("status.conditions")] if pressed and node is not None else []),
        ],
        share=round(system.share * 100),
        mount=system.mount,
        free=byte_text(system.free),
        images=byte_text(images) if images else "",
        images_share=round(100 * images / system.used) if system.used else 0,
        unused=len(left),
        unused_size=byte_text(sum(each.size for each in left)),
        pressed=pressed,
    )


def _left(one: NodeRuntime, system: FileSystem | None, left: list[RuntimeImage]) -> Iterator[Yielded]:
    """Unused images are ordinary, for the kubelet deletes them when it needs the room; many are said."""
    assert one.images is not None
    total = sum(each.size for each in one.images.value)
    size = sum(each.size for each in left)
    if left:
        yield Table(
            caption=f"Images on {one.node or 'the node'} that no container and no pod uses",
            columns=[Column(name="image"), Column(name="id"), Column(name="size", numeric=True)],
            rows=[
                [each.text, each.id.rpartition(":")[2][:13], byte_text(each.size)] for each in left[:_ROWS]
            ],
            omitted=max(0, len(left) - _ROWS),
        )
    of = system.total if system is not None else total
    if size and of and size / of >= IMAGES_UNUSED:
        yield finding(
            "ImagesUnused",
            node_subject(one.node),
            evidence=cite(one.images, f"{len(left)} images of {byte_text(size)} unused"),
            unused=len(left),
            of=len(one.images.value),
            size=byte_text(size),
            total=byte_text(total),
        )
