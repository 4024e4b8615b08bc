"""Is there a shell in a container? As far as that shows without trying.

Proven by what was run in it before (transcripts) and by a shell script it runs itself; only likely by the
image's name. Called by the ephemeral-debug guide, which recommends exec or a debug container by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from kuberunbooks.cluster import Transcript
from kuberunbooks.objects import Evidence, Pod

SHELLS = ("sh", "bash", "ash", "dash", "zsh", "ksh", "cmd", "cmd.exe", "powershell", "powershell.exe", "pwsh")

# exec refused by the OCI runtime (runc, crun), or by the kubelet's own words for it.
_NO_PROGRAM = re.compile(
    r'exec: "[^"]*": (?:stat \S+: )?(?:executable file not found|no such file or directory)'
    r"|executable file `[^`']*[`'] not found|no such file or directory: unknown"
)

# Images whose makers leave the shell out on purpose. The tag or name `debug` puts one back.
_WITHOUT = re.compile(
    r"(?:^|/)distroless/|(?:^|/)pause(?:[:@]|$)|^(?:cgr\.dev/chainguard|dhi\.io)/"
    r"|^registry\.k8s\.io/(?:kube-(?:apiserver|controller-manager|scheduler)|etcd|coredns/coredns|"
    r"metrics-server/metrics-server|ingress-nginx/kube-webhook-certgen)\b|(?:^|/)hello-world(?:[:@]|$)"
)
_DEBUG_TAG = re.compile(r":(?:[\w.-]*-)?(?:debug|dev)(?:-[\w.-]*)?(?:@|$)")

# Official images, whose base systems have a shell (Docker Hub's library, the distributions' own).
_WITH = frozenset(
    {"busybox", "alpine", "debian", "ubuntu", "fedora", "centos", "rockylinux", "almalinux", "amazonlinux",
     "oraclelinux", "archlinux", "nginx", "httpd", "postgres", "mysql", "mariadb", "mongo", "redis", "valkey",
     "memcached", "rabbitmq", "node", "python", "golang", "php", "ruby", "perl", "openjdk", "eclipse-temurin",
     "tomcat", "wordpress", "haproxy", "buildpack-deps", "bash", "elasticsearch", "kibana", "influxdb",
     "cassandra", "netshoot", "ubi8", "ubi9", "ubi8-minimal", "ubi9-minimal", "agnhost", "curl"}
)  # fmt: skip


class Shell(NamedTuple):
    """`present` None: nothing tells. `likely`: concluded from the image's name. `why` is a clause."""

    present: bool | None = None
    likely: bool = False
    why: str = ""
    evidence: tuple[Evidence, ...] = ()


def shell_in(pod: Pod, container: str, transcripts: Iterable[Transcript]) -> Shell:
    """What is known of a shell in this container of a pod."""
    ran = _heard(pod, container, transcripts)
    return ran or _own_script(pod, container) or _by_image(pod, container)


def _heard(pod: Pod, container: str, transcripts: Iterable[Transcript]) -> Shell | None:
    """The newest answer of somebody who tried."""
    found: Shell | None = None
    for one in transcripts:
        target = one.target
        same = (target.namespace or pod.namespace, target.pod) == (pod.namespace, pod.name)
        only = len(pod.spec.containers) == 1 and not target.container
        if not same or not one.argv or not (target.container == container or only):
            continue
        program = one.argv[0].rpartition("/")[2].rpartition("\\")[2].lower()
        if program not in SHELLS:
            continue
        said = next((line for line in one.output.splitlines() if line.strip()), "")
        place = Evidence(f"{target.text} {one.source}", " ".join(one.argv), said)
        if _NO_PROGRAM.search(one.stderr) and not _ran_something(one):
            found = Shell(False, why=f"{one.argv[0]} was tried there and not found", evidence=(place,))
        elif one.exit_code == 0:
            found = Shell(True, why=f"{one.argv[0]} was run there before", evidence=(place,))
    return found


def _ran_something(one: Transcript) -> bool:
    """A shell that ran and did not find another program says so itself, and may have printed before."""
    return bool(one.stdout.strip()) or one.exit_code == 0


def _own_script(pod: Pod, container: str) -> Shell | None:
    """A running container that was told to run a script runs it with a shell."""
    running = any(
        view.name == container and view.status.state.running is not None for view in pod.containers()
    )
    fields = {"containers": pod.spec.containers, "initContainers": pod.spec.init_containers}
    for field, specs in fields.items():
        for place, spec in enumerate(specs):
            if spec.name != container or not running or not spec.command:
                continue
            program = spec.command[0].rpartition("/")[2].lower()
            if program in SHELLS:
                cited = pod.cite(f"spec.{field}[{place}].command")
                return Shell(True, why=f"it runs a script of {program} itself", evidence=(cited,))
    return None


def _by_image(pod: Pod, container: str) -> Shell:
    fields = {"containers": pod.spec.containers, "initContainers": pod.spec.init_containers}
    for field, specs in fields.items():
        for place, spec in enumerate(specs):
            if spec.name != container:
                continue
            present = _image_has_one(spec.image)
            if present is None:
                return Shell()
            why = f"images like {spec.image} {'have' if present else 'come without'} a shell"
            return Shell(present, True, why, (pod.cite(f"spec.{field}[{place}].image"),))
    return Shell()


def _image_has_one(image: str) -> bool | None:
    if _WITHOUT.search(image):
        return _DEBUG_TAG.search(image) is not None
    name = image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    place = image.partition("@")[0].rpartition("/")[0]
    known = name in _WITH and (
        place in ("", "library", "docker.io", "docker.io/library", "nicolaka", "curlimages")
        or place.startswith(
            ("public.ecr.aws/docker/", "registry.access.redhat.com", "mcr.microsoft.com", "registry.k8s.io")
        )
    )
    return True if known else None
