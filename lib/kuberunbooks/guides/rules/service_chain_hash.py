"""The names kube-proxy gives its chains: a hash of the Service port, so that a chain proves whose it is.

iptables (pkg/proxy/iptables/proxier.go, `portProtoHash`): base32 of the SHA-256 of
`ns/name[:port]`, the protocol and, for an endpoint's chain, `ip:port`; 16 letters.
nftables (pkg/proxy/nftables/proxier.go, `hashAndTruncate`): 8 letters, then the name
itself. Called by the reading of dumps as confirmation; a dump's comments say the same.
"""

from __future__ import annotations

import base64
import hashlib


def port_names(namespace: str, name: str, port: str) -> tuple[str, ...]:
    """A Service port as kube-proxy writes it; of a port without name also as old releases did: `ns/name:`."""
    plain = f"{namespace}/{name}"
    return (f"{plain}:{port}",) if port else (plain, f"{plain}:")


def iptables_chain(prefix: str, port_name: str, protocol: str, endpoint: str = "") -> str:
    """`KUBE-SVC-…` of a Service port; with the prefix KUBE-SEP and an endpoint `ip:port` that endpoint's."""
    return f"{prefix}-{_letters(port_name + protocol.lower() + endpoint)[:16]}"


def nftables_chain(prefix: str, namespace: str, name: str, protocol: str, port: str) -> str:
    """`service-HASH-ns/name/tcp/port`; it ends in a slash for a port without name."""
    text = f"{namespace}/{name}/{protocol.lower()}/{port}"
    return f"{prefix}-{_letters(text)[:8]}-{text}"


def _letters(text: str) -> str:
    return base64.b32encode(hashlib.sha256(text.encode()).digest()).decode()
