"""What a control plane leaves in the API, made by hand: leases, static pods, webhooks, APIs."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.conftest import Diagnosis
from tests.support.made_cases import ago, make_case, node, pod, running

READY = "[+]ping ok\n[+]poststarthook/storage-readiness ok\nreadyz check passed\n"
ALIVE = "[+]ping ok\n[+]etcd ok\nlivez check passed\n"


def meta(
    kind: str, name: str, version: str, *, namespace: str = "", age: float = 90_000, **more: Any
) -> dict[str, Any]:
    """Kind and metadata of an object made so many seconds ago."""
    place = {"namespace": namespace} if namespace else {}
    made = {"name": name, "uid": f"uid-{name}", "creationTimestamp": ago(age), **place, **more}
    return {"kind": kind, "apiVersion": version, "metadata": made}


def micro(seconds: float) -> str:
    """A MicroTime so many seconds ago, as Leases have it."""
    return ago(seconds).replace("Z", ".123456Z")


def lease(
    name: str,
    *,
    renewed: float = 1,
    holder: str = "cp-1_7f3c",
    duration: int = 15,
    namespace: str = "kube-system",
    **more: Any,
) -> dict[str, Any]:
    """A Lease renewed so many seconds ago."""
    spec = {"holderIdentity": holder, "leaseDurationSeconds": duration, "renewTime": micro(renewed)}
    return {**meta("Lease", name, "coordination.k8s.io/v1", namespace=namespace, **more), "spec": spec}


def node_lease(name: str, *, renewed: float = 5) -> dict[str, Any]:
    """The Lease of a node's kubelet."""
    return lease(name, renewed=renewed, holder=name, duration=40, namespace="kube-node-lease")


def leaders(*, scheduler: float = 1, manager: float = 1) -> list[dict[str, Any]]:
    """The Leases of scheduler and controller manager, renewed so many seconds ago."""
    return [lease("kube-scheduler", renewed=scheduler), lease("kube-controller-manager", renewed=manager)]


def static_pod(
    component: str, on: str = "cp-1", *, ready: bool = True, turned: float = 6900, **more: Any
) -> dict[str, Any]:
    """The mirror of a static pod, as kubeadm makes it; its readiness changed so many seconds ago."""
    annotations = {"kubernetes.io/config.mirror": "0f", **more.pop("annotations", {})}
    made = pod(
        f"{component}-{on}",
        "kube-system",
        on=on,
        ready=ready,
        containers=more.pop("containers", None) or [running(component, ready=ready)],
        labels={"component": component, "tier": "control-plane"},
        annotations=annotations,
        ownerReferences=[{"kind": "Node", "name": on, "uid": f"uid-{on}", "controller": True}],
        **more,
    )
    made["status"]["conditions"][1]["lastTransitionTime"] = ago(turned)
    return made


def control_plane(on: str = "cp-1") -> list[dict[str, Any]]:
    """All its pods on one node, well."""
    parts = ("kube-apiserver", "etcd", "kube-scheduler", "kube-controller-manager")
    return [static_pod(one, on) for one in parts]


def members(
    *names: str, zone: str = "", ready: str = "True", since: float = 7200, **more: Any
) -> list[dict[str, Any]]:
    """Nodes of one zone with their Leases; silent ones renewed theirs a minute before `since`."""
    found = []
    for name in names:
        reason = "KubeletReady" if ready == "True" else "NodeStatusUnknown"
        one = node(name, ready=ready, reason=reason, since=since)
        if zone:
            one["metadata"]["labels"] = {"topology.kubernetes.io/zone": zone}
        one.update(more)
        found += [one, node_lease(name, renewed=5 if ready == "True" else since + 51)]
    return found


def webhook(
    name: str = "policy",
    *,
    service: str = "policy-system/policy",
    fails: str = "Fail",
    resources: Iterable[str] = ("pods",),
    group: str = "",
    age: float = 90_000,
    ca: bytes = b"",
    **more: Any,
) -> dict[str, Any]:
    """A ValidatingWebhookConfiguration with one webhook, `NAME.example.com`."""
    namespace, _, place = service.partition("/")
    client = {
        "service": {"namespace": namespace, "name": place, "port": 443},
        "caBundle": base64.b64encode(ca).decode(),
    }
    rule = {
        "operations": ["CREATE"],
        "apiGroups": [group],
        "apiVersions": ["*"],
        "resources": list(resources),
        "scope": "*",
    }
    one = {
        "name": f"{name}.example.com",
        "failurePolicy": fails,
        "clientConfig": client,
        "rules": [rule],
        **more,
    }
    found = meta("ValidatingWebhookConfiguration", name, "admissionregistration.k8s.io/v1", age=age)
    return {**found, "webhooks": [one]}


def api_service(
    name: str, *, available: bool = True, since: float = 7200, reason: str = "", local: bool = False
) -> dict[str, Any]:
    """An APIService `v1beta1.GROUP`; `local` is served by the API server itself."""
    version, _, group = name.partition(".")
    spec = {"group": group, "version": version}
    if not local:
        spec["service"] = {"namespace": "apis", "name": "server", "port": 443}  # type: ignore[assignment]
    condition = {
        "type": "Available",
        "status": str(available),
        "reason": reason or ("Passed" if available else "MissingEndpoints"),
        "message": ""
        if available
        else 'endpoints for service/server in "apis" have no addresses with port name "https"',
        "lastTransitionTime": ago(since),
    }
    found = meta("APIService", name, "apiregistration.k8s.io/v1")
    return {**found, "spec": spec, "status": {"conditions": [condition]}}


def signing_request(
    name: str,
    *,
    signer: str = "kubernetes.io/kube-apiserver-client-kubelet",
    user: str = "system:node:w-1",
    age: float = 3600,
    decided: str = "",
) -> dict[str, Any]:
    """A CertificateSigningRequest; `decided` is Approved, Denied or nothing yet."""
    conditions = [{"type": decided, "status": "True"}] if decided else []
    found = meta("CertificateSigningRequest", name, "certificates.k8s.io/v1", age=age)
    return {**found, "spec": {"signerName": signer, "username": user}, "status": {"conditions": conditions}}


def certificate(*, begins: datetime, ends: datetime) -> bytes:
    """A real certificate, PEM."""
    import trustme

    authority = trustme.CA()
    return (
        authority.issue_cert("policy.policy-system.svc", not_before=begins, not_after=ends)
        .cert_chain_pems[0]
        .bytes()
    )


class ClusterCase:
    """A made case of a whole cluster, and the cluster guide run on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(
        self,
        items: Iterable[dict[str, Any]],
        *,
        files: dict[str, str] | None = None,
        target: str = "",
        without: Iterable[str] = (),
        readyz: str = READY,
        livez: str = ALIVE,
        **options: Any,
    ) -> Diagnosis:
        """Writes the objects and files (`errors/readyz.500.json`) and runs every step."""
        made = make_case(self.folder, items, without=without)
        texts = {"raw/readyz.txt": readyz, "raw/livez.txt": livez, **(files or {})}
        for name, text in texts.items():
            if text:
                place = made / name
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(text)
        return Diagnosis(made, target, "default", guide="cluster", **options)


def system_spaces() -> list[dict[str, Any]]:
    """The namespaces every cluster has, so that their lists exist in the case."""
    return [meta("Namespace", name, "v1") for name in ("default", "kube-system", "kube-node-lease")]


def config_map(name: str, data: dict[str, str]) -> dict[str, Any]:
    """A ConfigMap of kube-system."""
    return {**meta("ConfigMap", name, "v1", namespace="kube-system"), "data": json.loads(json.dumps(data))}
