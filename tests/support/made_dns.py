"""A healthy cluster DNS made by hand, lookups as tools print them, and a Service to look up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.made_cases import ago, pod, running

Items = list[dict[str, Any]]

DNS_IP = "10.96.0.10"
WEB_IP = "10.96.7.7"
COREFILE = """.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30 {
       disable success cluster.local
    }
    loop
    reload
    loadbalance
}
"""
SEARCH = "shop.svc.cluster.local svc.cluster.local cluster.local"
RESOLV_CONF = f"search {SEARCH}\nnameserver {DNS_IP}\noptions ndots:5\n"


def made(kind: str, name: str, namespace: str, **parts: Any) -> dict[str, Any]:
    """An object of that kind, two hours old."""
    meta = {
        "name": name,
        "namespace": namespace,
        "uid": f"uid-{name}",
        "creationTimestamp": ago(7200),
        "labels": parts.pop("labels", {}),
    }
    return {"kind": kind, "metadata": meta, **parts}


def web(name: str = "web", namespace: str = "shop", **spec: Any) -> Items:
    """A Service with one ready pod and its slice."""
    labels = {"app": name}
    service = made(
        "Service",
        name,
        namespace,
        spec={
            "type": "ClusterIP",
            "clusterIP": WEB_IP,
            "clusterIPs": [WEB_IP],
            "selector": labels,
            "ports": [{"port": 80, "targetPort": 8080, "protocol": "TCP"}],
            **spec,
        },
    )
    member = pod(f"{name}-1", namespace, labels=labels, status={"podIP": "10.0.0.5"})
    member["spec"]["containers"][0]["ports"] = [{"containerPort": 8080, "protocol": "TCP"}]
    return [service, member, slice_of(service, f"{name}-1", "10.0.0.5", 8080)]


def slice_of(
    service: dict[str, Any], pod_name: str, ip: str, port: int, *, ready: bool = True
) -> dict[str, Any]:
    """The EndpointSlice of a Service with one endpoint."""
    name, place = service["metadata"]["name"], service["metadata"]["namespace"]
    return made(
        "EndpointSlice",
        f"{name}-abc",
        place,
        labels={"kubernetes.io/service-name": name},
        addressType="IPv4",
        endpoints=[
            {
                "addresses": [ip],
                "conditions": {"ready": ready},
                "targetRef": {"kind": "Pod", "name": pod_name, "uid": f"uid-{pod_name}", "namespace": place},
            }
        ],
        ports=[
            {"name": one.get("name", ""), "port": port, "protocol": one.get("protocol", "TCP")}
            for one in service["spec"]["ports"]
        ],
    )


def client(namespace: str = "shop", **spec: Any) -> dict[str, Any]:
    """A pod that asks."""
    return pod("client", namespace, spec={"dnsPolicy": "ClusterFirst", **spec})


def core_dns(
    *, ready: bool = True, corefile: str = COREFILE, name: str = "kube-dns", status: Any = None, **parts: Any
) -> Items:
    """Service kube-dns, its slice, one CoreDNS pod, and the ConfigMap."""
    labels = {"k8s-app": "kube-dns"}
    ports = [
        {"name": "dns", "port": 53, "protocol": "UDP"},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP"},
    ]
    service = made(
        "Service",
        name,
        "kube-system",
        labels=labels,
        spec={"clusterIP": DNS_IP, "clusterIPs": [DNS_IP], "selector": labels, "ports": ports},
    )
    member = pod(
        "coredns-1",
        "kube-system",
        ready=ready,
        labels=labels,
        containers=[status or running("coredns", ready=ready)],
        status={"podIP": "10.0.0.53"},
        spec={"volumes": [{"name": "config-volume", "configMap": {"name": "coredns"}}], **parts},
    )
    return [
        service,
        member,
        slice_of(service, "coredns-1", "10.0.0.53", 53, ready=ready),
        made("ConfigMap", "coredns", "kube-system", data={"Corefile": corefile}),
    ]


def resolved(name: str, address: str = WEB_IP, *, full: str = "", server: str = DNS_IP) -> str:
    """What nslookup of BIND prints for a name that resolves."""
    return f"Server:\t\t{server}\nAddress:\t{server}#53\n\nName:\t{full or name}\nAddress: {address}\n\n"


def unknown(name: str, *, server: str = DNS_IP) -> str:
    """What nslookup of BIND prints for a name there is not."""
    return f"Server:\t\t{server}\nAddress:\t{server}#53\n\n** server can't find {name}: NXDOMAIN\n\n"


def refused(server: str = DNS_IP) -> str:
    """What nslookup of BIND prints when nobody answers."""
    line = f";; communications error to {server}#53: connection refused\n"
    return f"{line * 3};; no servers could be reached\n\n"


def said(
    command: str,
    stdout: str = "",
    *,
    pod: str = "client",
    namespace: str = "shop",
    node: str = "",
    code: int = 0,
) -> dict[str, Any]:
    """A transcript: a command that was run in a pod or on a node."""
    target = {"kind": "node", "node": node} if node else {"kind": "pod", "namespace": namespace, "pod": pod}
    return {"target": target, "argv": command.split(), "stdout": stdout, "stderr": "", "exit_code": code}


def looked_up(**answers: str) -> list[dict[str, Any]]:
    """Transcripts of nslookup in the client: `short=`, `qualified=`, `full=` hold what it printed."""
    names = {"short": "web", "qualified": "web.shop", "full": "web.shop.svc.cluster.local"}
    return [said(f"nslookup {names[form]}", text) for form, text in answers.items()]


def write_transcripts(folder: Path, transcripts: list[dict[str, Any]]) -> str:
    """A file for the parameter `transcripts`."""
    path = folder / "transcripts.json"
    path.write_text(json.dumps(transcripts))
    return str(path)


def check_words(found: Any) -> None:
    """The texts of the findings about names render, and read as sentences."""
    for one in found.findings:
        if one.step not in ("SV-04", "SV-05", "SV-06", "SV-07"):
            continue
        assert one.title != one.code, one.code
        assert one.summary, one.code
        assert not one.summary[0].islower(), one.summary
        for text in (one.title, one.summary, one.explanation, *(step.why for step in one.next)):
            assert "  " not in text, (one.code, text)
            assert "()" not in text, (one.code, text)
            assert "None" not in text.split()[1:] or "dnsPolicy None" in text, (one.code, text)
        for step in one.next:
            assert "''" not in step.command, (one.code, step.command)
