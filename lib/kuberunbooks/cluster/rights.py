"""Before the first step: who are we, what may we read, which version is the server.

What is not allowed goes into the coverage at once, so that a report says what
was not checked even where no step came to ask. Asked side by side, and never a
reason to fail: a server that lacks or refuses these reviews leaves it unknown.
Called when a notebook opens a live cluster.

In one namespace a single SelfSubjectRulesReview lists everything allowed there.
It is not the whole truth where an authorizer cannot list its rules (`incomplete`,
as with the webhooks of managed clusters): then the rights it does not show are
asked for one by one. For all namespaces it cannot be used at all, because rights
in one namespace say nothing about the others. Where a RoleBinding names a role
with cluster-scoped kinds it shows more than there is: such a read is noted when
it is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any, NamedTuple, Protocol

import msgspec

from kuberunbooks.errors import (
    ClusterError,
    CredentialsFailed,
    Forbidden,
    Refused,
    Unauthorized,
    Unreachable,
)
from kuberunbooks.objects import NOT_JSON, KubernetesObject

from .coverage import Coverage, Refusal

_IN_PARALLEL = 8
_PATH = re.compile(
    r"^(?:api/v1|apis/(?P<group>[^/]+)/[^/]+)(?:/namespaces/(?P<namespace>[^/]+))?"
    r"/(?P<plural>[a-z]+)(?:/(?P<name>[^/]+))?(?P<sub>/log)?$"
)
_AUTHENTICATION = "apis/authentication.k8s.io/{version}/selfsubjectreviews"
_AUTHORIZATION = "apis/authorization.k8s.io/v1"


class Right(NamedTuple):
    """A right as RBAC names it: `resource` may hold a subresource (`pods/log`)."""

    verb: str
    group: str
    resource: str


class Reviewer(Protocol):
    """What is needed of a live source."""

    coverage: Coverage

    def identify(self, user: str, groups: list[str]) -> None:
        """Notes who we are."""
        ...

    def review(self, path: str, document: dict[str, Any]) -> bytes:
        """Posts a review."""
        ...


class Reader(Protocol):
    """Where the version is read: the same source, or the recorder around it."""

    def raw(self, path: str) -> bytes:
        """A plain GET."""
        ...


class _UserInfo(msgspec.Struct):
    username: str = ""
    groups: list[str] | None = None


class _WhoStatus(msgspec.Struct, rename="camel"):
    user_info: _UserInfo = msgspec.field(default_factory=_UserInfo)


class _Who(msgspec.Struct):
    status: _WhoStatus = msgspec.field(default_factory=_WhoStatus)


class _Rule(msgspec.Struct, rename="camel"):
    verbs: list[str] = []
    api_groups: list[str] | None = None
    resources: list[str] | None = None

    def allows(self, right: Right) -> bool:
        """Whether the rule gives the right, at least for some names; RBAC's rules of matching."""
        _, _, sub = right.resource.partition("/")
        resources = self.resources or []
        return (
            ("*" in self.verbs or right.verb in self.verbs)
            and ("*" in (self.api_groups or []) or right.group in (self.api_groups or []))
            and ("*" in resources or right.resource in resources or (bool(sub) and f"*/{sub}" in resources))
        )


class _RulesStatus(msgspec.Struct, rename="camel"):
    resource_rules: list[_Rule] | None = None
    incomplete: bool = False


class _Rules(msgspec.Struct):
    status: _RulesStatus


class _AccessStatus(msgspec.Struct, rename="camel"):
    allowed: bool = False
    evaluation_error: str = ""


class _Access(msgspec.Struct):
    status: _AccessStatus


# Made here and not by the threads that use them: see decode.py.
_WHO = msgspec.json.Decoder(_Who)
_RULES = msgspec.json.Decoder(_Rules)
_ACCESS = msgspec.json.Decoder(_Access)


def survey(
    live: Reviewer,
    reader: Reader,
    rights: Sequence[tuple[str, str, str]],
    namespace: str,
    *,
    one_by_one: bool = True,
) -> None:
    """Fills origin and coverage of `live`. `namespace` empty: all namespaces.

    `one_by_one` False keeps it at three requests, whatever the server says (a
    run on one pod has twelve in all). Raises only what would fail every other
    request too: Unreachable, CredentialsFailed, Unauthorized.
    """
    wanted = [Right(*one) for one in rights]
    with ThreadPoolExecutor(_IN_PARALLEL, "rights") as pool:
        version = pool.submit(reader.raw, "version")
        who = pool.submit(_identify, live)
        refused = pool.submit(_refused, live, wanted, namespace, one_by_one)
        try:
            version.result()
        except (Unreachable, CredentialsFailed, Unauthorized):
            raise
        except ClusterError:
            pass
        who.result()
        for right in refused.result():
            live.coverage.refuse(_refusal(right, namespace))


def ask(live: Reviewer, right: Right, namespace: str) -> bool | None:
    """Whether a right is given in a namespace, by the server's own word; None when it cannot say."""
    return _may(live, right, namespace, Event())


def can_i(verb: str, resource: str, namespace: str = "", *, namespaced: bool = True) -> str:
    """The kubectl command that asks for a right; `resource` as `pods`, `jobs.batch` or `pods/log`."""
    plural, _, sub = resource.partition("/")
    where = "" if not namespaced else f" -n {namespace}" if namespace else " -A"
    return f"kubectl auth can-i {verb} {plural}{f' --subresource={sub}' if sub else ''}{where}"


def forbidden(error: Forbidden, what: str, namespace: str) -> Refusal:
    """A read that was refused, as the coverage notes it; the logs of several pods are one entry.

    `what` (verb and resource) is what was attempted, for a path that does not say it.
    """
    verb, _, resource = what.partition(" ")
    match = _PATH.match(error.path)
    if match is not None:
        group = match["group"] or ""
        plural = match["plural"] + ("/log" if match["sub"] else "")
        verb, resource = ("get" if match["name"] else "list"), f"{plural}.{group}" if group else plural
        command = can_i(
            verb, resource, match["namespace"] or "", namespaced=_is_namespaced(Right(verb, group, plural))
        )
    else:
        command = can_i(verb, resource, namespace) if resource else ""
    path = "" if resource == "pods/log" else error.path
    return Refusal(what=f"{verb} {resource}".strip(), why=str(error), path=path, status=403, command=command)


def _identify(live: Reviewer) -> None:
    """v1 since Kubernetes 1.28, v1beta1 (where switched on) in 1.27; before that nobody can be asked."""
    for version in ("v1", "v1beta1"):
        path = _AUTHENTICATION.format(version=version)
        document = {"apiVersion": f"authentication.k8s.io/{version}", "kind": "SelfSubjectReview"}
        try:
            user = _WHO.decode(live.review(path, document)).status.user_info
        except (ClusterError, *NOT_JSON) as error:
            if isinstance(error, Refused) and error.status == 404:
                continue
            return
        if user.username:
            live.identify(user.username, user.groups or [])
        return


def _refused(live: Reviewer, wanted: list[Right], namespace: str, one_by_one: bool) -> list[Right]:
    """The rights that are certainly not there."""
    if not namespace:
        return _ask_each(live, wanted, namespace) if one_by_one else []
    document = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    try:
        answer = live.review(f"{_AUTHORIZATION}/selfsubjectrulesreviews", document)
        status = _RULES.decode(answer).status
    except Unreachable:
        return []
    except (ClusterError, *NOT_JSON):
        return _ask_each(live, wanted, namespace) if one_by_one else []
    rules = status.resource_rules or []
    missing = [right for right in wanted if not any(rule.allows(right) for rule in rules)]
    if not status.incomplete:
        return missing
    return _ask_each(live, missing, namespace) if one_by_one else []


def _ask_each(live: Reviewer, rights: list[Right], namespace: str) -> list[Right]:
    if not rights:
        return []
    lost = Event()
    with ThreadPoolExecutor(_IN_PARALLEL, "rights") as pool:
        answers = pool.map(lambda right: _may(live, right, namespace, lost), rights)
        return [right for right, may in zip(rights, answers, strict=True) if may is False]


def _may(live: Reviewer, right: Right, namespace: str, lost: Event) -> bool | None:
    """What a SelfSubjectAccessReview says; None when it could not say, or the server was `lost` meanwhile."""
    if lost.is_set():
        return None
    resource, _, sub = right.resource.partition("/")
    attributes = {"verb": right.verb, "group": right.group, "resource": resource, "subresource": sub}
    if _is_namespaced(right):
        attributes["namespace"] = namespace
    document = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {name: value for name, value in attributes.items() if value}},
    }
    try:
        answer = live.review(f"{_AUTHORIZATION}/selfsubjectaccessreviews", document)
        status = _ACCESS.decode(answer).status
    except Unreachable:
        lost.set()
        return None
    except (ClusterError, *NOT_JSON):
        return None
    return True if status.allowed else None if status.evaluation_error else False


def _refusal(right: Right, namespace: str) -> Refusal:
    kind = _kind(right)
    resource = f"{right.resource}.{right.group}" if right.group else right.resource
    namespaced = _is_namespaced(right)
    # The path a later read would be refused at, so that both are one entry of the coverage.
    listed = kind.api.path(namespace if namespaced else "") if kind and right.verb == "list" else ""
    return Refusal(
        what=f"{right.verb} {resource}",
        why="not permitted",
        path=listed,
        status=403,
        command=can_i(right.verb, resource, namespace, namespaced=namespaced),
    )


def _is_namespaced(right: Right) -> bool:
    kind = _kind(right)
    return kind.api.namespaced if kind else True


def _kind(right: Right) -> type[KubernetesObject] | None:
    place = (right.group, right.resource.partition("/")[0])
    return next((kind for kind in _kinds() if (kind.api.group, kind.api.plural) == place), None)


def _kinds(above: type[KubernetesObject] = KubernetesObject) -> Iterator[type[KubernetesObject]]:
    for kind in above.__subclasses__():
        if hasattr(kind, "api"):
            yield kind
        yield from _kinds(kind)
