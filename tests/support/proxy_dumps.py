"""Rules of kube-proxy, and what a node answers, made by hand for the guides' tests."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from kuberunbooks.guides.rules.service_chain_hash import iptables_chain, nftables_chain
from tests.support.made_cases import NOW


def on_node(
    stdout: str, *argv: str, node: str = "n1", at: float | None = 5, code: int = 0, stderr: str = ""
) -> dict[str, Any]:
    """A transcript of a command on a node, so many seconds before NOW (None: nobody noted when)."""
    return {
        "target": {"kind": "node", "node": node},
        "argv": list(argv),
        "stdout": stdout,
        "stderr": stderr,
        "exit_code": code,
        **({} if at is None else {"at": moment(at)}),
    }


def moment(seconds: float) -> str:
    """So many seconds before NOW, with fractions."""
    return (NOW - timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def seconds_of(ago: float) -> float:
    """The Unix time so many seconds before NOW."""
    return (NOW - timedelta(seconds=ago) - datetime.fromtimestamp(0, NOW.tzinfo)).total_seconds()


def iptables(
    backends: Iterable[str] = (), *, address: str = "10.96.0.10", port: str = "", name: str = "shop/web"
) -> str:
    """Table nat with one Service; nothing for it without backends."""
    whole = f"{name}:{port}" if port else name
    backends = list(backends)
    chain = iptables_chain("KUBE-SVC", whole, "tcp")
    lines = ["*nat", ":KUBE-SERVICES - [0:0]"]
    if backends:
        lines.append(
            f"-A KUBE-SERVICES -d {address}/32 -p tcp -m comment --comment "
            f'"{whole} cluster IP" -m tcp --dport 80 -j {chain}'
        )
    for one in backends:
        endpoint = iptables_chain("KUBE-SEP", whole, "tcp", one)
        lines.append(f'-A {chain} -m comment --comment "{whole} -> {one}" -j {endpoint}')
        lines.append(
            f'-A {endpoint} -p tcp -m comment --comment "{whole}" -m tcp -j DNAT --to-destination {one}'
        )
    return "\n".join([*lines, "COMMIT", ""])


def rejecting(*, address: str = "10.96.0.10", name: str = "shop/web", local: bool = False) -> str:
    """Table filter that turns away one Service."""
    verdict = "DROP" if local else "REJECT --reject-with icmp-port-unreachable"
    comment = f"{name} has no {'local ' if local else ''}endpoints"
    return (
        "*filter\n:KUBE-SERVICES - [0:0]\n"
        f'-A KUBE-SERVICES -d {address}/32 -p tcp -m comment --comment "{comment}" -m tcp --dport 80 '
        f"-j {verdict}\nCOMMIT\n"
    )


def nftables(backends: Iterable[str] = (), *, address: str = "10.96.0.10", refused: bool = False) -> str:
    """kube-proxy's table with one Service."""
    backends = list(backends)
    chain = nftables_chain("service", "shop", "web", "tcp", "")
    led = f"elements = {{ {address} . tcp . 80 : goto {chain} }}" if backends else "# none"
    away = (
        f'elements = {{ {address} . tcp . 80 comment "shop/web" : goto reject-chain }}'
        if refused
        else "# none"
    )
    slots = ", ".join(f"{number} : {one.replace(':', ' . ')}" for number, one in enumerate(backends))
    return (
        "table ip kube-proxy {\n"
        f"\tmap no-endpoint-services {{\n\t\t{away}\n\t}}\n\n\tmap service-ips {{\n\t\t{led}\n\t}}\n\n"
        f"\tchain {chain} {{\n\t\tmeta l4proto tcp dnat ip to numgen random mod {len(backends)} "
        f"map {{ {slots} }}\n\t}}\n}}\n"
    )


def ipvs(backends: Iterable[str] | None = None, *, address: str = "10.96.0.10") -> str:
    """`ipvsadm -ln` with one Service beside the API server's; None: it is not there."""
    lines = [
        "IP Virtual Server version 1.2.1 (size=4096)",
        "Prot LocalAddress:Port Scheduler Flags",
        "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn",
        "TCP  10.96.0.1:443 rr",
        "  -> 172.18.0.2:6443              Masq    1      4          0",
    ]
    if backends is not None:
        lines.append(f"TCP  {address}:80 rr")
        lines += [f"  -> {one}              Masq    1      0          3" for one in backends]
    return "\n".join([*lines, ""])


def metrics(*, queued: float, written: float, family: str = "IPv4") -> str:
    """The samples of kube-proxy that tell when a change was queued and rules written, seconds before NOW."""
    name = "kubeproxy_sync_proxy_rules_last"
    return (
        f"# TYPE {name}_queued_timestamp_seconds gauge\n"
        f'{name}_queued_timestamp_seconds{{ip_family="{family}"}} {seconds_of(queued):.9e}\n'
        f'{name}_timestamp_seconds{{ip_family="{family}"}} {seconds_of(written):.9e}\n'
    )
