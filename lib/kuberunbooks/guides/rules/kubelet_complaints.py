"""What in a kubelet's log tells why its node is in trouble.

Messages of the kubelet itself (pkg/kubelet, cmd/kubelet); read on lines that call
themselves errors only. Called by the step about kubelet logs.
"""

from __future__ import annotations

import re

_TELLING = (
    (
        "runtime",
        re.compile(r"PLEG is not healthy|container runtime is down|runtime\.v1\.RuntimeService"),
    ),
    (
        "certificate",
        re.compile(r"certificate has expired|x509: |part of the existing bootstrap client certificate"),
    ),
    ("registration", re.compile(r"Unable to register node|node \"[^\"]+\" not found")),
    (
        "api",
        re.compile(
            r"Error updating node status|Unable to update node status|"
            r"Failed to ensure lease exists|[Ff]ailed to update lease"
        ),
    ),
    (
        "start",
        re.compile(
            r"[Ff]ailed to run [Kk]ubelet|failed to load kubelet config|failed to start ContainerManager"
        ),
    ),
    ("network", re.compile(r"NetworkPluginNotReady|cni plugin not initialized|cni config uninitialized")),
    (
        "eviction",
        re.compile(r"eviction manager: (?:unexpected error|failed)|no resources to reclaim|must evict pod"),
    ),
    ("disk", re.compile(r"[Nn]o space left on device|Image garbage collection failed|ImageGCFailed")),
)


def telling(message: str) -> str:
    """What a message is about: `runtime`, `certificate`, `api`, …; empty when it may be everyday life."""
    return next((name for name, pattern in _TELLING if pattern.search(message)), "")
