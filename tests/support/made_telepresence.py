"""Telepresence made by hand, not recorded: no cluster with it was at hand.

Objects have the form that the Helm chart and the injector of Telepresence 2 give them
(charts/telepresence-oss, pkg/agentconfig, cmd/traffic/cmd/manager), outputs that of the
client (pkg/client/cli), log lines that of agent and manager. All of it is invented.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.made_cases import NOW, ago, node, owner, pod, running, workload

Items = list[dict[str, Any]]

SESSION = "0bd3b3a1-5f0e-4c2f-9d1f-2d8c0c6f9a11"
VERSION = "2.23.0"
SECRET = "s3cr3t-in-the-environment"
_LABELS = {"app": "traffic-manager", "telepresence": "manager"}


def image(version: str = VERSION) -> str:
    """The image of manager and agents."""
    return f"ghcr.io/telepresenceio/tel2:{version}"


def manager(
    *,
    version: str = VERSION,
    namespace: str = "ambassador",
    kind: str = "Deployment",
    ready: int = 1,
    replicas: int = 1,
    env: dict[str, str] | None = None,
    age: float = 200_000,
) -> Items:
    """The traffic manager's workload and its pod, as the Helm chart makes them, and the node it is on."""
    made = workload(kind, "traffic-manager", namespace, replicas=replicas, creationTimestamp=ago(age))
    made["metadata"]["labels"] = {**_LABELS, "app.kubernetes.io/version": version}
    container = {
        "name": "traffic-manager",
        "image": image(version),
        "env": [{"name": key, "value": value} for key, value in (env or {}).items()],
    }
    made["spec"]["selector"] = {"matchLabels": _LABELS}
    made["spec"]["template"] = {"metadata": {"labels": _LABELS}, "spec": {"containers": [container]}}
    made["status"] = {
        "replicas": replicas,
        "readyReplicas": ready,
        "conditions": [
            {"type": "Available", "status": "True" if ready else "False", "lastTransitionTime": ago(3600)}
        ],
    }
    if not replicas:
        return [made]
    member = pod(
        "traffic-manager-0",
        namespace,
        ready=bool(ready),
        labels=_LABELS,
        containers=[running("traffic-manager", ready=bool(ready))],
        spec={"containers": [container]},
        ownerReferences=owner(kind, "traffic-manager"),
        creationTimestamp=ago(age),
    )
    return [made, member, node()]


def injector(
    *,
    namespace: str = "ambassador",
    ready: bool = True,
    policy: str = "Ignore",
    selector: dict[str, Any] | None = None,
    service: bool = True,
) -> Items:
    """The injector's webhook with its Service and slice."""
    rule = {
        "apiGroups": [""],
        "apiVersions": ["v1"],
        "operations": ["CREATE", "DELETE"],
        "resources": ["pods"],
    }
    backend = {"name": "agent-injector", "namespace": namespace, "path": "/traffic-agent", "port": 8443}
    webhook = {
        "name": f"agent-injector-{namespace}.telepresence.io",
        "clientConfig": {"service": backend, "caBundle": "LS0t"},
        "rules": [rule],
        "failurePolicy": policy,
        "timeoutSeconds": 5,
        "namespaceSelector": selector
        or {
            "matchExpressions": [
                {
                    "key": "kubernetes.io/metadata.name",
                    "operator": "NotIn",
                    "values": ["kube-system", "kube-node-lease"],
                }
            ]
        },
    }
    made: Items = [
        {
            "kind": "MutatingWebhookConfiguration",
            "metadata": {
                "name": f"agent-injector-webhook-{namespace}",
                "uid": "uid-webhook",
                "labels": _LABELS,
            },
            "webhooks": [webhook],
        }
    ]
    meta = {"namespace": namespace, "uid": "uid-injector", "creationTimestamp": ago(200_000)}
    if service:
        made.append(
            {
                "kind": "Service",
                "metadata": {"name": "agent-injector", **meta},
                "spec": {
                    "clusterIP": "10.96.3.3",
                    "selector": _LABELS,
                    "ports": [{"port": 8443, "targetPort": "https"}],
                },
            }
        )
        made.append(
            {
                "kind": "EndpointSlice",
                "metadata": {
                    "name": "agent-injector-a",
                    "labels": {"kubernetes.io/service-name": "agent-injector"},
                    **meta,
                },
                "addressType": "IPv4",
                "endpoints": [{"addresses": ["10.0.0.3"], "conditions": {"ready": ready}}],
                "ports": [{"name": "https", "port": 8443, "protocol": "TCP"}],
            }
        )
    return made


def installed(**how: Any) -> Items:
    """A manager that runs, with its webhook."""
    return [*manager(**how), *injector(namespace=how.get("namespace", "ambassador"))]


def web(
    *,
    target_port: int | str = "http",
    kind: str = "Deployment",
    annotations: dict[str, str] | None = None,
    replicas: int = 1,
    spec: dict[str, Any] | None = None,
    **service: Any,
) -> Items:
    """Service web, port 80, and the workload web behind it, whose container app listens on 8080 (http)."""
    made = workload(kind, "web", replicas=replicas)
    container = {"name": "app", "image": "shop/web:1", "ports": [{"name": "http", "containerPort": 8080}]}
    made["spec"]["template"] = {
        "metadata": {"labels": {"app": "web"}, "annotations": annotations or {}},
        "spec": {"containers": [container], **(spec or {})},
    }
    port = {"name": "http", "port": 80, "targetPort": target_port, "protocol": "TCP"}
    return [
        made,
        {
            "kind": "Service",
            "metadata": {
                "name": "web",
                "namespace": "shop",
                "uid": "uid-svc",
                "creationTimestamp": ago(200_000),
            },
            "spec": {"clusterIP": "10.96.7.7", "selector": {"app": "web"}, "ports": [port], **service},
        },
    ]


def plain_pod(name: str = "web-1", *, age: float = 7200, kind: str = "Deployment") -> dict[str, Any]:
    """A pod of web without an agent."""
    return pod(
        name,
        labels={"app": "web"},
        ownerReferences=owner(kind, "web"),
        creationTimestamp=ago(age),
        spec={
            "containers": [
                {"name": "app", "image": "shop/web:1", "ports": [{"name": "http", "containerPort": 8080}]}
            ]
        },
    )


def agent_pod(
    name: str = "web-1",
    *,
    version: str = VERSION,
    age: float = 7200,
    agent: dict[str, Any] | None = None,
    init: dict[str, Any] | None = None,
    ready: bool = True,
    **metadata: Any,
) -> dict[str, Any]:
    """A pod of web with an injected agent: the app's port is renamed, the agent has its name."""
    made = plain_pod(name, age=age)
    config = {"agentName": "web", "namespace": "shop", "workloadName": "web", "workloadKind": "Deployment"}
    made["metadata"]["labels"] |= {
        "telepresence.io/workloadEnabled": "true",
        "telepresence.io/workloadKind": "Deployment",
        "telepresence.io/workloadName": "web",
    }
    made["metadata"]["annotations"] = {
        "telepresence.io/agent-config": json.dumps(config),
        "telepresence.io/inject-traffic-agent": "enabled",
    }
    made["metadata"].update(metadata)
    app = made["spec"]["containers"][0]
    app["ports"][0]["name"] = "tm-http"
    made["spec"]["containers"].append(
        {
            "name": "traffic-agent",
            "image": image(version),
            "args": ["agent"],
            "ports": [{"name": "http", "containerPort": 9900}],
        }
    )
    made["status"]["containerStatuses"] = [running(), agent or running("traffic-agent")]
    if init is not None:
        made["spec"]["initContainers"] = [
            {"name": "tel-agent-init", "image": image(version), "args": ["agent-init"]}
        ]
        made["status"]["initContainerStatuses"] = [init]
    if not ready:
        made["status"]["conditions"][1] = {
            "type": "Ready",
            "status": "False",
            "lastTransitionTime": ago(3000),
        }
    return made


def replaced_pod(name: str = "web-1", *, age: float = 7200, version: str = VERSION) -> dict[str, Any]:
    """A pod in which an agent stands in for container app, as since 2.22: it is kept in an annotation."""
    made = agent_pod(name, age=age, version=version)
    kept = {"name": "app", "image": "shop/web:1", "env": [{"name": "PASSWORD", "value": SECRET}]}
    made["metadata"]["annotations"]["telepresence.io/replaced-container.app"] = json.dumps(kept)
    made["spec"]["containers"] = made["spec"]["containers"][1:]
    made["status"]["containerStatuses"] = made["status"]["containerStatuses"][1:]
    return made


def slept_pod(name: str = "web-1", *, age: float = 7200) -> dict[str, Any]:
    """The same before 2.22: the container's image and arguments are exchanged for a sleep."""
    made = agent_pod(name, age=age, version="2.20.2")
    made["spec"]["containers"][0] |= {"image": "alpine:latest", "args": ["sleep", "infinity"]}
    return made


def node_agent_job(
    *, age: float = 600, workload_name: str = "web", namespace: str = "shop"
) -> dict[str, Any]:
    """The Job of a node agent, in the manager's namespace."""
    made = workload("Job", "tel-node-agent-web-1a2b3c4d", "ambassador", creationTimestamp=ago(age))
    made["metadata"]["labels"] = {
        "app": "traffic-node-agent",
        "telepresence.io/agentName": workload_name,
        "telepresence.io/workloadNamespace": namespace,
        "telepresence.io/targetPod": "web-1",
    }
    return made


def swapped(*, age: float = 200_000, stopped: bool = True) -> Items:
    """Deployment web swapped out by the 1.x client, whose run had this id."""
    run = "9f1c2d3e4b5a69788796a5b4c3d2e1f0"
    original = workload("Deployment", "web", replicas=0 if stopped else 1)
    proxy = workload(
        "Deployment", f"web-{run}", image="datawire/telepresence-k8s:0.109", creationTimestamp=ago(age)
    )
    proxy["metadata"]["labels"] = {"telepresence": run, "app": "web"}
    return [original, proxy]


def intercept_info(
    *,
    name: str = "web",
    mechanism: str = "tcp",
    disposition: int | str = 1,
    age: float | None = 600,
    namespace: str = "shop",
    **spec: Any,
) -> dict[str, Any]:
    """An entry of intercept_infos, as encoding/json writes the protobuf message."""
    seconds = int(NOW.timestamp() - age) if age is not None else None
    return {
        "spec": {
            "name": name,
            "client": "ana@laptop",
            "agent": "web",
            "workload_kind": "Deployment",
            "namespace": namespace,
            "mechanism": mechanism,
            "target_host": "127.0.0.1",
            "target_port": 8080,
            "port_identifier": "http",
            "service_name": "web",
            "container_name": "app",
            **spec,
        },
        "id": f"{SESSION}:{name}",
        "client_session": {"session_id": SESSION},
        "disposition": disposition,
        "mechanism_args_desc": "all TCP connections"
        if mechanism == "tcp"
        else "HTTP requests with header 'X-User: ana'",
        "environment": {"PASSWORD": SECRET},
        **({"modified_at": {"seconds": seconds}} if seconds else {}),
    }


def list_json(*infos: dict[str, Any]) -> str:
    """What `telepresence list --output json` prints: one workload, with these intercepts."""
    one: dict[str, Any] = {
        "name": "web",
        "namespace": "shop",
        "workload_resource_type": "Deployment",
        "uid": "uid-web",
    }
    if infos:
        one["intercept_infos"] = list(infos)
    return json.dumps({"cmd": "list", "stdout": [one]})


LIST_TEXT = """deployment web: intercepted
   Intercept name: web
   State         : ACTIVE
   Workload kind : Deployment
   Intercepting  : 10.1.5.196 -> 127.0.0.1
       8080 -> 9000 TCP
   Volume Mount Point: /tmp/telfs-629530207
deployment api: ready to engage (traffic-agent not yet installed)
"""
LIST_OLD = """web: intercepted
   Intercept name         : web
   State                  : ACTIVE
   Workload kind          : Deployment
   Destination            : 127.0.0.1:9000
   Service Port Identifier: http/TCP
   Intercepting           : all TCP connections
api: ready to intercept (traffic-agent already installed)
"""
LIST_FILTERED = """deployment web: intercepted
   Intercept name: web
   State         : ACTIVE
   Workload kind : Deployment
   Intercepting  : 10.244.0.13 -> 127.0.0.1
       8080 -> 8080 TCP
   Intercepting  : HTTP requests with header 'X-User: ana'
"""
LIST_NONE = "deployment web: ready to attach (traffic-agent already installed)\n"
VERSIONS = """OSS Client         : v2.23.0
OSS Root Daemon    : v2.23.0
OSS User Daemon    : v2.23.0
OSS Traffic Manager: v2.23.0
Traffic Agent      : ghcr.io/telepresenceio/tel2:2.23.0
"""
STATUS_TEXT = """OSS User Daemon: Running
  Version           : v2.23.0
  Executable        : /usr/local/bin/telepresence
  Install ID        : 5b266b81-2f1a-4a87-b2ee-94d66567b7aa
  Status            : Connected
  Kubernetes server : https://192.168.59.100:8443
  Kubernetes context: minikube
  Namespace         : shop
  Manager namespace : ambassador
  Intercepts        : 0 total
OSS Root Daemon: Running
  Version    : v2.23.0
OSS Traffic Manager: Connected
  Version      : v2.23.0
  Traffic Agent: ghcr.io/telepresenceio/tel2:2.23.0
"""
METRICS = """# HELP telepresence_intercept_active_status Flag to indicate when an intercept is active.
# TYPE telepresence_intercept_active_status gauge
telepresence_intercept_active_status{client="ana@laptop",install_id="5b266b81",workload="web"} 1
telepresence_intercept_active_status{client="bo@laptop",install_id="7c266b81",workload="api"} 0
"""
NO_METRICS = METRICS.replace("} 1", "} 0")
CURL_ANSWERED = """$ curl -ik https://kubernetes.default
HTTP/1.1 401 Unauthorized
Cache-Control: no-cache, private
Content-Type: application/json
"""


def status_json(**daemon: Any) -> str:
    """What `telepresence status --output json` prints."""
    user = {
        "running": True,
        "version": "2.23.0",
        "status": "Connected",
        "kubernetes_context": "minikube",
        "namespace": "shop",
        "manager_namespace": "ambassador",
        **daemon,
    }
    manager = {"name": "OSS Traffic Manager", "version": "v2.23.0", "traffic_agent": image()}
    return json.dumps({"user_daemon": user, "root_daemon": {"running": True}, "traffic_manager": manager})


def written(folder: Path, text: str, name: str = "pasted.txt") -> str:
    """A file for the parameter `transcripts`."""
    path = folder / name
    path.write_text(text)
    return str(path)


def transcript(command: str, stdout: str, *, ago_seconds: float = 60, code: int = 0) -> str:
    """A recorded command on a workstation, as a case holds it."""
    return json.dumps(
        {
            "target": {"kind": "workstation"},
            "argv": command.split(),
            "stdout": stdout,
            "stderr": "",
            "exit_code": code,
            "at": ago(ago_seconds),
        }
    )


def write_log(
    case: Path,
    lines: list[tuple[float, str]],
    *,
    pod_name: str = "web-1",
    container: str = "traffic-agent",
    namespace: str = "shop",
) -> None:
    """A container's log in a case; each line with how many seconds ago it was written."""
    path = case / "logs" / namespace / pod_name / f"{container}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{ago(seconds).removesuffix('Z')}.000Z {text}\n" for seconds, text in lines))


def check_words(found: Any) -> None:
    """The texts of the findings render, and read as sentences."""
    for one in found.findings:
        assert one.title != one.code, one.code
        assert one.summary, one.code
        assert not one.summary[0].islower() or "/" in one.summary.split()[0], one.summary
        for text in (one.title, one.summary, one.explanation, *(step.why for step in one.next)):
            assert "  " not in text, (one.code, text)
            assert "{" not in text, (one.code, text)
            assert "()" not in text, (one.code, text)
            assert "None" not in text.split(), (one.code, text)
        for step in one.next:
            assert "''" not in step.command, (one.code, step.command)
            assert step.command == step.command.strip(), (one.code, step.command)
        if one.severity in ("critical", "warning"):
            assert one.evidence, one.code
            assert one.next, one.code
