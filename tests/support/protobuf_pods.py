"""Pods as kubectl posts them: Kubernetes' protobuf, decoded to the dictionaries of the JSON API.

kubectl posts objects of the built-in groups as protobuf, whatever is asked of it. Only the fields
that made pods have are known here; an unknown one fails, so that nothing kubectl sends goes unseen.
The numbers are those of k8s.io/api/core/v1/generated.proto and apimachinery's runtime.Unknown.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

MAGIC = b"k8s\x00"

# Field number: (JSON name, form). Forms: text, flag (left out when false, as Go's omitempty), option
# (a pointer to a bool, kept when false), number, count (left out when 0), map, or a message; "*" repeats.
_MESSAGES: dict[str, dict[int, tuple[str, str]]] = {
    "Pod": {1: ("metadata", "Meta"), 2: ("spec", "PodSpec"), 3: ("status", "ignored")},
    "Meta": {
        1: ("name", "text"),
        2: ("generateName", "text"),
        3: ("namespace", "text"),
        4: ("selfLink", "text"),
        5: ("uid", "text"),
        6: ("resourceVersion", "text"),
        7: ("generation", "count"),
        8: ("creationTimestamp", "ignored"),
        11: ("labels", "map"),
        12: ("annotations", "map"),
        13: ("ownerReferences", "Owner*"),
        14: ("finalizers", "text*"),
    },
    "Owner": {
        1: ("kind", "text"),
        3: ("name", "text"),
        4: ("uid", "text"),
        5: ("apiVersion", "text"),
        6: ("controller", "option"),
    },
    "PodSpec": {
        1: ("volumes", "Volume*"),
        2: ("containers", "Container*"),
        3: ("restartPolicy", "text"),
        4: ("terminationGracePeriodSeconds", "number"),
        5: ("activeDeadlineSeconds", "number"),
        6: ("dnsPolicy", "text"),
        7: ("nodeSelector", "map"),
        8: ("serviceAccountName", "text"),
        9: ("serviceAccount", "text"),
        10: ("nodeName", "text"),
        11: ("hostNetwork", "flag"),
        12: ("hostPID", "flag"),
        13: ("hostIPC", "flag"),
        14: ("securityContext", "PodSecurity"),
        16: ("hostname", "text"),
        17: ("subdomain", "text"),
        19: ("schedulerName", "text"),
        20: ("initContainers", "Container*"),
        22: ("tolerations", "Toleration*"),
        24: ("priorityClassName", "text"),
        25: ("priority", "number"),
        27: ("shareProcessNamespace", "option"),
        30: ("enableServiceLinks", "option"),
        31: ("preemptionPolicy", "text"),
        34: ("ephemeralContainers", "Ephemeral*"),
    },
    "Volume": {1: ("name", "text"), 2: ("", "Source")},
    "Source": {1: ("hostPath", "HostPath"), 2: ("emptyDir", "ignored")},
    "HostPath": {1: ("path", "text"), 2: ("type", "text")},
    "Container": {
        1: ("name", "text"),
        2: ("image", "text"),
        3: ("command", "text*"),
        4: ("args", "text*"),
        5: ("workingDir", "text"),
        6: ("ports", "Port*"),
        7: ("env", "Env*"),
        8: ("resources", "Resources"),
        9: ("volumeMounts", "Mount*"),
        10: ("livenessProbe", "Probe"),
        11: ("readinessProbe", "Probe"),
        12: ("lifecycle", "Lifecycle"),
        13: ("terminationMessagePath", "text"),
        14: ("imagePullPolicy", "text"),
        15: ("securityContext", "Security"),
        16: ("stdin", "flag"),
        17: ("stdinOnce", "flag"),
        18: ("tty", "flag"),
        20: ("terminationMessagePolicy", "text"),
        22: ("startupProbe", "Probe"),
        24: ("restartPolicy", "text"),
    },
    "Ephemeral": {1: ("", "Container"), 2: ("targetContainerName", "text")},
    "Port": {
        1: ("name", "text"),
        2: ("hostPort", "count"),
        3: ("containerPort", "count"),
        4: ("protocol", "text"),
        5: ("hostIP", "text"),
    },
    "Env": {1: ("name", "text"), 2: ("value", "text")},
    "Resources": {1: ("limits", "quantities"), 2: ("requests", "quantities")},
    "Quantity": {1: ("string", "text")},
    "Mount": {
        1: ("name", "text"),
        2: ("readOnly", "flag"),
        3: ("mountPath", "text"),
        4: ("subPath", "text"),
        6: ("subPathExpr", "text"),
    },
    "Probe": {
        1: ("", "Handler"),
        2: ("initialDelaySeconds", "count"),
        3: ("timeoutSeconds", "count"),
        4: ("periodSeconds", "count"),
        5: ("successThreshold", "count"),
        6: ("failureThreshold", "count"),
    },
    "Handler": {1: ("exec", "Exec")},
    "Exec": {1: ("command", "text*")},
    "Lifecycle": {1: ("postStart", "Handler"), 2: ("preStop", "Handler")},
    "Toleration": {
        1: ("key", "text"),
        2: ("operator", "text"),
        3: ("value", "text"),
        4: ("effect", "text"),
        5: ("tolerationSeconds", "number"),
    },
    "PodSecurity": {2: ("runAsUser", "number"), 3: ("runAsNonRoot", "option"), 5: ("fsGroup", "number")},
    "Security": {
        1: ("capabilities", "Capabilities"),
        2: ("privileged", "option"),
        4: ("runAsUser", "number"),
        5: ("runAsNonRoot", "option"),
        6: ("readOnlyRootFilesystem", "option"),
        7: ("allowPrivilegeEscalation", "option"),
        11: ("seccompProfile", "Seccomp"),
    },
    "Capabilities": {1: ("add", "text*"), 2: ("drop", "text*")},
    "Seccomp": {1: ("type", "text")},
}


def decode_pod(body: bytes) -> dict[str, Any]:
    """The pod in a protobuf request body, without what is empty."""
    assert body.startswith(MAGIC), body[:20]
    raw = next(value for number, value in _fields(body[len(MAGIC) :]) if number == 2)
    assert isinstance(raw, bytes)
    return _message("Pod", raw)


def without_empty(value: Any) -> Any:
    """The same JSON without what is empty, which protobuf does not tell from absent."""
    if isinstance(value, dict):
        inner = {key: without_empty(one) for key, one in value.items()}
        return {key: one for key, one in inner.items() if one not in ("", [], {}, None)}
    return [without_empty(one) for one in value] if isinstance(value, list) else value


def _message(name: str, body: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for number, value in _fields(body):
        field, form = _MESSAGES[name][number]
        read = _value(form.removesuffix("*"), value)
        if not field:
            found |= read
        elif form.endswith("*"):
            found.setdefault(field, []).append(read)
        elif form in ("map", "quantities"):
            found.setdefault(field, {}).update(read)
        elif form in ("flag", "count"):
            found |= {field: read} if read else {}
        elif form != "ignored":
            found[field] = read
    return found


def _value(form: str, value: int | bytes) -> Any:
    if isinstance(value, int):
        return bool(value) if form in ("flag", "option") else value
    if form == "text":
        return value.decode()
    if form in ("map", "quantities"):
        pair = dict(_fields(value))
        key, held = pair[1], pair.get(2, b"")
        assert isinstance(key, bytes)
        assert isinstance(held, bytes)
        return {key.decode(): held.decode() if form == "map" else _message("Quantity", held)["string"]}
    return None if form == "ignored" else _message(form, value)


def _fields(body: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(body):
        tag, at = _number(body, at)
        if tag & 7 == 0:
            number, at = _number(body, at)
            yield tag >> 3, number
        else:
            assert tag & 7 == 2, tag
            length, at = _number(body, at)
            yield tag >> 3, body[at : at + length]
            at += length


def _number(body: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = body[at]
        number |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return number, at
