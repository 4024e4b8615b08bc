"""Requests in a person's words: what somebody did, on what, and how it ended.

Used by the audit guide for its answers, tables and marks.
"""

from __future__ import annotations

from .audit_event import Deed
from .audit_users import ANONYMOUS, NODE, SERVICE_ACCOUNT

_DID = {
    "create": "created",
    "delete": "deleted",
    "deletecollection": "deleted all",
    "get": "read",
    "list": "listed",
    "patch": "changed",
    "update": "changed",
    "watch": "watched",
}
_DID_THROUGH = {
    "attach": "attached to",
    "binding": "placed",
    "ephemeralcontainers": "put a debug container into",
    "eviction": "evicted",
    "exec": "ran a command in",
    "finalize": "finalized",
    "log": "read the log of",
    "portforward": "forwarded a port to",
    "proxy": "sent a request through",
    "scale": "scaled",
    "token": "got a token of",
}
_TRIED = {
    "created": "create",
    "deleted": "delete",
    "deleted all": "delete all",
    "read": "read",
    "listed": "list",
    "changed": "change",
    "watched": "watch",
    "attached to": "attach to",
    "placed": "place",
    "put a debug container into": "put a debug container into",
    "evicted": "evict",
    "ran a command in": "run a command in",
    "finalized": "finalize",
    "read the log of": "read the log of",
    "forwarded a port to": "forward a port to",
    "sent a request through": "send a request through",
    "scaled": "scale",
    "got a token of": "get a token of",
}
# Their requests come as GET: a connection is upgraded, or an answer passed on.
_BY_GET = frozenset(("attach", "exec", "log", "portforward", "proxy"))
_KINDS = {
    "clusterrolebindings": "ClusterRoleBinding",
    "clusterroles": "ClusterRole",
    "rolebindings": "RoleBinding",
    "roles": "Role",
}
_ENDED = {
    0: "no answer in the log",
    101: "connected",
    401: "not authenticated",
    403: "refused",
    404: "not found",
    409: "conflict",
    422: "invalid",
    429: "too many requests",
}


def actor(user: str, acting_as: str = "") -> str:
    """Who it was, in a sentence: `user admin`, `service account shop/web`, `user eve acting as admin`."""
    text = f"user {user}"
    if not user:
        text = "somebody not authenticated"
    elif user == ANONYMOUS:
        text = "somebody without credentials"
    elif user.startswith(SERVICE_ACCOUNT):
        namespace, _, name = user.removeprefix(SERVICE_ACCOUNT).partition(":")
        text = f"service account {namespace}/{name}"
    elif user.startswith(NODE):
        text = f"the kubelet of node {user.removeprefix(NODE)}"
    return f"{text} acting as {acting_as}" if acting_as else text


def sentence(deed: Deed) -> str:
    """`user admin deleted pod shop/web-1`, `user eve tried to delete pod shop/web-1: refused (403)`."""
    who = actor(deed.user, deed.acting_as)
    if is_good(deed):
        return f"{who} {did(deed)} {on_what(deed)}"
    tried = _TRIED.get(did(deed), did(deed))
    return f"{who} tried to {tried} {on_what(deed)}: {ended(deed)}"


def is_good(deed: Deed) -> bool:
    """Whether the request did what it was asked to."""
    return 200 <= deed.code < 300 or deed.code == 101


def did(deed: Deed) -> str:
    """`deleted`, `ran a command in`: what was done, or tried."""
    reads = deed.verb == "get" and deed.subresource not in _BY_GET
    through = None if reads else _DID_THROUGH.get(deed.subresource)
    return through or _DID.get(deed.verb, deed.verb or "did something to")


def on_what(deed: Deed) -> str:
    """`pod healthy/web-1`, `all secrets of namespace healthy`, `all secrets`, `/apis`."""
    if not deed.resource:
        return deed.path or "an unknown path"
    sub = f"/{deed.subresource}" if deed.subresource and deed.subresource not in _DID_THROUGH else ""
    if deed.name:
        return f"{one_of(deed.resource)}{sub} {deed.place}"
    place = f" of namespace {deed.namespace}" if deed.namespace else ""
    if deed.verb == "create":
        return f"{one_of(deed.resource)}{sub} without a name yet" + (
            f" in namespace {deed.namespace}" if deed.namespace else ""
        )
    return f"{deed.resource}{sub}{place or ' of all namespaces'}"


def one_of(resource: str) -> str:
    """The singular of a resource: `pod`, `networkpolicy`, `ClusterRoleBinding`."""
    if resource in _KINDS:
        return _KINDS[resource]
    if resource.endswith("ies"):
        return f"{resource[:-3]}y"
    if resource.endswith(("sses", "shes", "ches", "xes")):
        return resource[:-2]
    return resource[:-1] if resource.endswith("s") and not resource.endswith("ss") else resource


def ended(deed: Deed) -> str:
    """`done (200)`, `refused (403)`, `failed (500)`."""
    words = _ENDED.get(deed.code)
    if words is None:
        words = "done" if is_good(deed) else "failed"
    return f"{words} ({deed.code})" if deed.code else words
