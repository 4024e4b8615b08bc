"""What the shell guide is about: a pod and one of its containers, and what was heard from inside.

The target is that of the pods guide; of a workload one running pod stands for all. Every
step reads what commands printed from one place, whoever ran them.
"""

from __future__ import annotations

from typing import NamedTuple

from kuberunbooks.cluster import Cluster, read_transcripts
from kuberunbooks.objects import Container, ContainerView, Pod

from ..pods.resolve import resolve as resolve_pods
from ..pods.target import Pods
from ..registry import Request
from ..rules.container_inside import ContainerKey, Inside, default_container, listen
from ..step import NotChecked

_MEMO = "inside"


class Choice(NamedTuple):
    """The container a shell is wanted in. `how`: asked, annotated, only, or first (kubectl's own choice).

    `view` is None when the container has no status yet, or when the pod has no such container:
    then `spec` is None too.
    """

    pod: Pod
    name: str
    how: str
    spec: Container | None
    view: ContainerView | None

    @property
    def key(self) -> ContainerKey:
        """(namespace, pod, container)."""
        return (self.pod.namespace, self.pod.name, self.name)

    @property
    def runs(self) -> bool:
        """Its state is running."""
        return self.view is not None and self.view.status.state.running is not None


def resolve(cluster: Cluster, request: Request) -> Pods:
    """As the pods guide does, with the files given. Raises what that raises, BadParameter for a file."""
    target = resolve_pods(cluster, request)
    if given := str(request.options.get("transcripts") or "").strip():
        cluster.given_transcripts += read_transcripts(given)
    return target


def chosen(target: Pods) -> Choice | None:
    """The container in question; None when the target is a whole namespace, or nothing at all."""
    if not target.pods or not (target.single or target.kind or target.wanted):
        return None
    pod = next((one for one in target.pods if one.is_ready), target.pods[0])
    wanted = str(target.options.get("container") or "").strip()
    names = [one.name for one in pod.spec.containers]
    name, how = wanted, "asked"
    if not wanted:
        name = default_container(pod)
        annotated = pod.metadata.annotations.get("kubectl.kubernetes.io/default-container", "") in names
        how = "only" if len(names) == 1 else "annotated" if annotated else "first"
    return Choice(pod, name, how, spec_of(pod, name), view_of(pod, name))


def insides(target: Pods, cluster: Cluster) -> list[Inside]:
    """What was heard of each container of the target, the chosen one first; of an asked one only that."""
    found: dict[ContainerKey, Inside] | None = target.memo.get(_MEMO)
    choice = chosen(target)
    if found is None:
        pods = {(pod.namespace, pod.name): pod for pod in target.pods}
        found = target.memo[_MEMO] = listen(cluster.transcripts(), pods, choice.key if choice else None)
    keys = sorted(found, key=lambda key: (choice is None or key != choice.key, key))
    if choice is not None and choice.how == "asked":
        keys = [key for key in keys if key[2] == choice.name]
    return [found[key] for key in keys]


def heard_anew(target: Pods) -> None:
    """Transcripts have come: what was read of them is read again."""
    target.memo.pop(_MEMO, None)


def pod_of(target: Pods, inside: Inside) -> Pod:
    """The pod something was heard of; only pods of the target are listened to."""
    return next(pod for pod in target.pods if (pod.namespace, pod.name) == inside.key[:2])


def spec_of(pod: Pod, name: str) -> Container | None:
    """A container of any kind, by its name."""
    spec = pod.spec
    everyone = (*spec.containers, *spec.init_containers, *spec.ephemeral_containers)
    return next((one for one in everyone if one.name == name), None)


def view_of(pod: Pod, name: str) -> ContainerView | None:
    """The same with its status."""
    return next((view for view in pod.containers() if view.name == name), None)


def where(target: Pods, inside: Inside) -> str:
    """How captions name a container: `app of web-1`, with the namespace where there are several."""
    namespace, pod, container = inside.key
    return f"{container} of {pod}" if target.namespace else f"{container} of {namespace}/{pod}"


def unseen(what: str) -> NotChecked:
    """What a step yields that has nothing to read."""
    return NotChecked(f"{what} not known: nothing was run in the container that tells (see step SH-03).")
