"""The API servers whose audit flags can be seen: their static pods, or a file with a command line.

API servers of one cluster are told alike as a rule: those with the same flags and mounts are
one configuration, so that a finding is said once. Called by every step that is about flags.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Finding, Severity, Subject, finding
from kuberunbooks.objects import Container, Evidence, Pod

from ..rules.audit_flags import Flags, Word, read_flags, split_words, words_of_text
from .resolve import Audited, GivenFile

NO_FLAGS = "No API server's flags could be seen; name a file with them in the parameter flags."
NAMESPACE = "kube-system"
# kubeadm, kind, minikube and k3s' relatives; kOps.
_LABELS = ("component=kube-apiserver", "k8s-app=kube-apiserver")
_PROGRAM = "kube-apiserver"


@dataclass
class Configuration:
    """What one API server, or several alike, are started with.

    `pods` is empty when the flags come from a file; `source` names the file then, and `manifest` is
    set when it held a pod. `names` are those of the pods, or of the file. `is_all`: there are no others.
    """

    flags: Flags
    names: list[str]
    pods: list[Pod] = field(default_factory=list)
    manifest: Pod | None = None
    source: str = ""
    is_all: bool = True

    @property
    def pod(self) -> Pod | None:
        """A pod with its mounts: the first of those seen, or the one in the file."""
        return self.pods[0] if self.pods else self.manifest

    @property
    def container(self) -> Container | None:
        """The API server's container."""
        return container_of(self.pod) if self.pod else None

    @property
    def subject(self) -> Subject:
        """The first pod, or the file."""
        if self.pods:
            return Subject(kind="Pod", namespace=self.pods[0].namespace, name=self.pods[0].name)
        return Subject(kind="File", namespace="", name=self.names[0])

    @property
    def text(self) -> str:
        """As a sentence names it: `API server kube-apiserver-cp-1`, `all 3 API servers`."""
        if not self.pods:
            return f"the API server of {self.names[0]}"
        if len(self.names) == 1:
            return f"API server {self.names[0]}"
        if self.is_all:
            return "both API servers" if len(self.names) == 2 else f"all {len(self.names)} API servers"
        return f"API servers {', '.join(self.names[:-1])} and {self.names[-1]}"

    def finding(
        self,
        code: str,
        *,
        evidence: Iterable[Evidence],
        severity: Severity | None = None,
        likely: bool = False,
        group: tuple[Any, ...] = (),
        **facts: Any,
    ) -> Finding:
        """A finding about these API servers; it counts them all."""
        told = finding(
            code,
            self.subject,
            severity=severity,
            likely=likely,
            group=group,
            evidence=evidence,
            server=self.text,
            many=len(self.names) > 1,
            **facts,
        )
        told.count, told.affected = len(self.names), list(self.names)
        return told

    def cite(self, *flags: str) -> list[Evidence]:
        """Evidence for flags: where each stands, or that it is absent."""
        source = self.pods[0].source if self.pods else self.source
        found = []
        for name in flags:
            given = self.flags.given.get(name)
            place = given.place if given else "command line"
            value = f"--{name}={given.value}" if given else f"--{name} absent"
            found.append(Evidence(source, place, value))
        return found


class Servers(list[Configuration]):
    """The configurations seen; `why` says why there are none."""

    why: str = ""


def servers(target: Audited, cluster: Cluster) -> Servers:
    """The configurations of the cluster's API servers, read once a run; flags in a file go before pods."""
    found = target.memo.get("servers")
    if not isinstance(found, Servers):
        given = target.files.get("flags")
        found = Servers(_of_file(given)) if given else _of_pods(cluster)
        if given and not found:
            found.why = f"{given.name} holds no command line of an API server"
        target.memo["servers"] = found
    return found


def _of_pods(cluster: Cluster) -> Servers:
    found = Servers()
    pods: list[Pod] = []
    for labels in _LABELS:
        listed = cluster.look(Pod, NAMESPACE, labels=labels)
        pods = sorted(listed, key=lambda pod: pod.name)
        if pods:
            break
        if not listed.complete:
            found.why = f"pods of {NAMESPACE} could not be read ({listed.why})"
            return found
    for pod in pods:
        container = container_of(pod)
        if container is None:
            continue
        flags = read_flags(split_words(_words(pod, container)))
        alike = next((one for one in found if _same(one, flags, pod)), None)
        if alike is not None:
            alike.pods.append(pod)
            alike.names.append(pod.name)
        else:
            found.append(Configuration(flags, [pod.name], pods=[pod]))
    for one in found:
        one.is_all = len(found) == 1
    if not found:
        found.why = f"{NAMESPACE} has no pod of an API server" if not pods else "its pods show no API server"
    return found


def _same(one: Configuration, flags: Flags, pod: Pod) -> bool:
    values = {name: given.value for name, given in flags.given.items()}
    others = {name: given.value for name, given in one.flags.given.items()}
    first, second = one.container, container_of(pod)
    mounts = first.volume_mounts if first else []
    return values == others and mounts == (second.volume_mounts if second else [])


def container_of(pod: Pod) -> Container | None:
    """The container that runs the API server: by its name, else by what it runs."""
    named = next((one for one in pod.spec.containers if one.name == _PROGRAM), None)
    runs = (one for one in pod.spec.containers if any(_PROGRAM in word for word in (*one.command, *one.args)))
    return named or next(runs, None)


def _words(pod: Pod, container: Container) -> Iterator[Word]:
    index = pod.spec.containers.index(container)
    for part, words in (("command", container.command), ("args", container.args)):
        for place, word in enumerate(words):
            yield Word(word, f"spec.containers[{index}].{part}[{place}]")


def _of_file(given: GivenFile) -> Iterator[Configuration]:
    """A manifest, a configuration that hands flags on, or the plain words of a command line."""
    value = _document(given.body)
    if value.get("kind") == "Pod":
        try:
            pod = msgspec.convert(value, Pod, strict=False)
        except msgspec.ValidationError:
            return
        container = container_of(pod)
        if container is not None:
            flags = read_flags(split_words(_words(pod, container)))
            yield Configuration(flags, [given.name], manifest=pod, source=given.name)
        return
    words = list(_handed_on(value)) or list(words_of_text(given.body.decode("utf-8", "replace")))
    if any(word.text.startswith("--") for word in words):
        yield Configuration(read_flags(words), [given.name], source=given.name)


def _document(body: bytes) -> dict[str, Any]:
    import yaml

    try:
        value = yaml.load(body, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _handed_on(value: dict[str, Any]) -> Iterator[Word]:
    """Flags in kubeadm's ClusterConfiguration, as a map or a list, and in the one of k3s and RKE2."""
    server = value.get("apiServer")
    extra = server.get("extraArgs") if isinstance(server, dict) else None
    pairs = extra.items() if isinstance(extra, dict) else ()
    for name, flag in pairs:
        yield Word(f"--{name}={flag}", f"apiServer.extraArgs.{name}")
    for index, one in enumerate(extra if isinstance(extra, list) else ()):
        if isinstance(one, dict):
            yield Word(f"--{one.get('name')}={one.get('value')}", f"apiServer.extraArgs[{index}]")
    handed = value.get("kube-apiserver-arg")
    for index, one in enumerate(handed if isinstance(handed, list) else ()):
        yield Word(f"--{one}", f"kube-apiserver-arg[{index}]")
