"""What a resolv.conf says, and whether it leads a pod's names to the cluster's DNS.

Called by the services guide's step about the client's resolver; knows nothing of a cluster.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import NamedTuple

from .thresholds import DNS_NAMESERVERS, DNS_SEARCH_CHARACTERS, DNS_SEARCHES

_NDOTS = re.compile(r"^ndots:(?P<n>\d{1,3})$")
_KNOWN = re.compile(r"^[ \t]*(?:nameserver|search|domain|options|sortlist)[ \t]", re.MULTILINE)
_DEFAULT_NDOTS = 1


class ResolvConf(NamedTuple):
    """A resolv.conf. `ndots` is what holds (1 when it is not set), `sets_ndots` whether it is set."""

    nameservers: tuple[str, ...]
    search: tuple[str, ...]
    ndots: int
    sets_ndots: bool


def read_resolv_conf(text: str) -> ResolvConf | None:
    """The file, None when the text is none. Of several `search` lines the last holds (resolv.conf(5))."""
    if len(text) > 64 * 1024 or not _KNOWN.search(text):
        return None
    nameservers: list[str] = []
    search: list[str] = []
    ndots: int | None = None
    for line in text.splitlines():
        words = line.split()
        if len(words) < 2 or words[0][0] in "#;":
            continue
        if words[0] == "nameserver":
            nameservers.append(words[1])
        elif words[0] in ("search", "domain"):
            search = [one.rstrip(".") or "." for one in words[1:]]
        elif words[0] == "options":
            for match in filter(None, map(_NDOTS.match, words[1:])):
                ndots = int(match["n"])
    if not nameservers and not search:
        return None
    return ResolvConf(
        tuple(nameservers), tuple(search), _DEFAULT_NDOTS if ndots is None else ndots, ndots is not None
    )


def cluster_domain_of(search: tuple[str, ...]) -> str:
    """The cluster domain of a search list, from its entry `svc.DOMAIN`; empty when it has none."""
    return next((one.removeprefix("svc.") for one in search if one.startswith("svc.")), "")


def missing_searches(search: tuple[str, ...], namespace: str, domain: str) -> list[str]:
    """What the search list of a pod lacks; without a namespace its own entry is not asked for."""
    wanted = [f"{namespace}.svc.{domain}"] if namespace else []
    return [one for one in (*wanted, f"svc.{domain}", domain) if one not in search]


def over_limits(found: ResolvConf) -> list[str]:
    """What is more than the kubelet passes on, in words; glibc itself reads no more than 3 nameservers."""
    over: list[str] = []
    if len(found.nameservers) > DNS_NAMESERVERS:
        over.append(f"{len(found.nameservers)} nameservers (at most {DNS_NAMESERVERS})")
    if len(found.search) > DNS_SEARCHES:
        over.append(f"{len(found.search)} search domains (at most {DNS_SEARCHES})")
    if len(" ".join(found.search)) > DNS_SEARCH_CHARACTERS:
        length = len(" ".join(found.search))
        over.append(f"{length} characters of search domains (at most {DNS_SEARCH_CHARACTERS})")
    return over


def is_node_local(address: str) -> bool:
    """A link-local address: a DNS cache on the node itself (NodeLocal DNSCache has 169.254.20.10)."""
    try:
        return ip_address(address).is_link_local
    except ValueError:
        return False
