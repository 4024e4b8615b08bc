"""Reads `nft list table ip kube-proxy`, `ip6` too, or a whole ruleset: kube-proxy in mode nftables.

Map service-ips leads a Service's address to its chain. That chain sends to an endpoint
by one DNAT with a map (v1.36), or by a map of verdicts to a chain per endpoint (before,
and with sessionAffinity ClientIP). Map no-endpoint-services turns the others away.
"""

from __future__ import annotations

import re

from .proxy_dump import Family, NodePort, Place, ProxyDump, Refusal, Way, backend, place

_TABLE = re.compile(r"^table (?P<family>\S+) (?P<name>\S+) \{", re.MULTILINE)
_BLOCK = re.compile(
    r"^[ \t]*(?P<kind>map|chain) (?P<name>\S+) \{[^\n]*\n(?P<body>.*?)^[ \t]*\}[ \t]*$",
    re.MULTILINE | re.DOTALL,
)
_KEY = r"(?P<ip>[\da-fA-F.:]+) \. (?P<protocol>tcp|udp|sctp) \. (?P<port>\d+)"
_LED = re.compile(rf"{_KEY}(?: comment \"[^\"]*\")? : goto (?P<chain>[^\s,}}]+)")
_REFUSED = re.compile(rf"{_KEY}(?: comment \"(?P<owner>[^\"]*)\")? : (?P<verdict>goto reject-chain|drop)")
_NODE_PORT = re.compile(r"\b(?P<protocol>tcp|udp|sctp) \. (?P<port>\d+)(?: comment \"[^\"]*\")? : goto ")
_CHOICE = re.compile(r"numgen (?:random|inc) mod \d+ (?:map|vmap) \{(?P<slots>[^}]*)\}")
_SLOT = re.compile(
    r"\d+ : (?:(?P<ip>[\da-fA-F.:]+) \. (?P<port>\d+)|goto (?P<chain>[^\s,]+))\s*(?=,|$)", re.DOTALL
)
_DNAT = re.compile(
    r"\bdnat (?:ip6? )?to (?:\[(?P<six>[\da-fA-F:.]+)\]|(?P<four>\d+(?:\.\d+){3}))(?::| \. )(?P<port>\d+)"
)
_CHAIN_OWNER = re.compile(
    r"^\w+-[A-Z2-7]{8}-(?P<namespace>[^/]+)/(?P<name>[^/]+)/(?P<protocol>\w+)/(?P<port>.*)$"
)


def read_nftables(text: str) -> ProxyDump | None:
    """The rules in kube-proxy's tables; None when it is something else."""
    heads = list(_TABLE.finditer(text))
    if not heads:
        return None
    ends = [head.start() for head in heads[1:]] + [len(text)]
    families: set[Family] = set()
    ways: dict[Place, Way] = {}
    refusals: dict[Place, Refusal] = {}
    node_ports: set[NodePort] = set()
    parts: set[str] = set()
    for head, end in zip(heads, ends, strict=True):
        if head["name"] != "kube-proxy" or head["family"] not in ("ip", "ip6"):
            continue
        families.add(6 if head["family"] == "ip6" else 4)
        blocks = {
            (block["kind"], block["name"]): block["body"] for block in _BLOCK.finditer(text, head.end(), end)
        }
        parts |= {name for kind, name in blocks if kind == "map"}
        chains = {name: body for (kind, name), body in blocks.items() if kind == "chain"}
        for match in _LED.finditer(blocks.get(("map", "service-ips"), "")):
            key = place(match["ip"], match["protocol"], int(match["port"]))
            found = _backends(match["chain"], chains)
            ways[key] = Way(found, match["chain"], _owner(match["chain"]), match[0])
        for match in _NODE_PORT.finditer(blocks.get(("map", "service-nodeports"), "")):
            node_ports.add((match["protocol"], int(match["port"])))
        for match in _REFUSED.finditer(blocks.get(("map", "no-endpoint-services"), "")):
            key = place(match["ip"], match["protocol"], int(match["port"]))
            refusals[key] = Refusal(match["owner"] or "", match["verdict"] == "drop", match[0])
    whole = frozenset(families)
    return ProxyDump(
        "nftables",
        whole,
        ways,
        refusals,
        "service-ips" in parts,
        "no-endpoint-services" in parts,
        bool(families),
        frozenset(node_ports) if "service-nodeports" in parts else None,
    )


def _backends(chain: str, chains: dict[str, str]) -> frozenset[str]:
    """What a Service's chain chooses from; an endpoint whose chain is not there is none."""
    body = chains.get(chain, "")
    found = {backend(match["six"] or match["four"], match["port"]) for match in _DNAT.finditer(body)}
    for choice in _CHOICE.finditer(body):
        for slot in _SLOT.finditer(choice["slots"]):
            if slot["ip"]:
                found.add(backend(slot["ip"], slot["port"]))
            else:
                endpoint = chains.get(slot["chain"], "")
                found.update(
                    backend(match["six"] or match["four"], match["port"])
                    for match in _DNAT.finditer(endpoint)
                )
    return frozenset(found)


def _owner(chain: str) -> str:
    """`ns/name[:port]` of a chain's name."""
    match = _CHAIN_OWNER.match(chain)
    if match is None:
        return ""
    name = f"{match['namespace']}/{match['name']}"
    return f"{name}:{match['port']}" if match["port"] else name
