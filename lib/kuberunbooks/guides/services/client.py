"""Who asks: the pod a client runs in, and the port of the Service it uses.

Given as parameters. Without them the rules that depend on the client (its namespace's
names, what policies let it through) say what they would need.
"""

from __future__ import annotations

import re

from kuberunbooks.cluster import Cluster
from kuberunbooks.errors import BadParameter, ClusterError
from kuberunbooks.objects import Pod

from ..registry import Request

_NAME = r"[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?"
# pod/NAME is no namespace called "pod": that form is tried first.
_CLIENT = re.compile(rf"(?:(?P<namespace>{_NAME})/)??(?:pods?/)?(?P<name>{_NAME})")
_HIGHEST_PORT = 65535


def find_client(cluster: Cluster, request: Request) -> tuple[Pod | None, int]:
    """The client pod, None when none was named or it cannot be read, and its port, 0 when not said.

    Raises BadParameter for a client that is no pod's name and a port that is none.
    """
    port = request.options.get("client_port") or 0
    if not isinstance(port, int) or not 0 <= port <= _HIGHEST_PORT:
        raise BadParameter(f"client_port={port!r} is no port.", advice="Give a number from 1 to 65535.")
    text = str(request.options.get("client") or "").strip()
    if not text:
        return None, port
    match = _CLIENT.fullmatch(text)
    if match is None:
        raise BadParameter(
            f"client={text!r} is no name of a pod.",
            advice="Write pod/NAME, or NAMESPACE/pod/NAME for one in another namespace.",
        )
    namespace = match["namespace"] or request.namespace
    try:
        return cluster.get(Pod, namespace, match["name"]), port
    except ClusterError as error:
        cluster.note_failure(error, "get pods", namespace)
        return None, port
