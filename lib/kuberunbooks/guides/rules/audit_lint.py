"""What is wrong with an audit policy that an API server would accept.

Every claim has a request that proves it: what leaks is shown by a request that the rule
itself decides, what falls through by one that no rule takes. That a rule never decides is
said only where comparing lists proves it. Called by the audit guide.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, product
from typing import NamedTuple

from .audit_match import Request, covers, decide, stored
from .audit_policy import Policy, Resources, Rule

_MOST_COMPARED = 400
"""Rules compared with each other; a policy has some dozens."""
_MOST_TRIED = 2000
"""Requests made up for one rule and one sensitive resource."""

ANYBODY = "jane"
_AUTHENTICATED = ("system:authenticated",)


class Sensitive(NamedTuple):
    """A resource whose content is a secret: in what is sent with `sends`, in what `answers` give back."""

    group: str
    resource: str
    subresource: str
    sends: tuple[str, ...]
    answers: tuple[str, ...]
    what: str


SECRETS = (
    Sensitive(
        "", "secrets", "", ("create", "update", "patch"),
        ("get", "list", "create", "update", "patch", "deletecollection"), "the values of Secrets",
    ),
    Sensitive("", "serviceaccounts", "token", (), ("create",), "tokens of ServiceAccounts"),
    Sensitive(
        "authentication.k8s.io", "tokenreviews", "", ("create",), ("create",), "tokens that are being checked"
    ),
)  # fmt: skip
"""What must not be in a log: everybody who reads one of these could act as somebody else."""
CONFIGMAPS = Sensitive(
    "", "configmaps", "", ("create", "update", "patch"),
    ("get", "list", "create", "update", "patch", "deletecollection"), "the content of ConfigMaps",
)  # fmt: skip
"""Not secret by themselves, but the guide logs them at Metadata for what people put into them."""


class Leak(NamedTuple):
    """A rule that puts secret content into the log, and a request that shows it."""

    rule: Rule
    what: str
    request: Request
    sent: bool


def leaks(policy: Policy, sensitive: tuple[Sensitive, ...]) -> Iterator[Leak]:
    """For each rule and each sensitive resource the first request that would be stored with its content."""
    for rule in policy.rules:
        if rule.level not in ("Request", "RequestResponse"):
            continue
        for one in sensitive:
            for request in islice(_requests(rule, one), _MOST_TRIED):
                decision = decide(policy, request)
                kept = stored(request, decision)
                sent = kept.sent and request.verb in one.sends
                if decision.rule is rule and (sent or (kept.answered and request.verb in one.answers)):
                    yield Leak(rule, one.what, request, sent)
                    break


def _requests(rule: Rule, one: Sensitive) -> Iterator[Request]:
    """Requests for a resource by somebody and somewhere the rule is about, the plain ones first."""
    cluster_wide = one.resource == "tokenreviews"
    names = [name for entry in rule.resources for name in entry.names]
    verbs = [
        verb for verb in dict.fromkeys((*one.sends, *one.answers)) if not rule.verbs or verb in rule.verbs
    ]
    places = rule.namespaces or (("",) if cluster_wide else ("shop", "kube-system"))
    users = rule.users or (ANYBODY,)
    groups = rule.user_groups or _AUTHENTICATED
    for verb, place, user, group, name in product(verbs, places, users, groups, ["web", *names]):
        if cluster_wide and place:
            continue
        by, member = _member(user, group, given=bool(rule.users))
        yield Request(verb, one.resource, one.subresource, one.group, place, name, user=by, groups=member)


def _member(user: str, group: str, *, given: bool) -> tuple[str, tuple[str, ...]]:
    """A user who is in a group, with all groups such a user has."""
    if not given:
        user = _TYPICAL.get(group, user)
        if group.startswith("system:serviceaccounts:"):
            user = f"system:serviceaccount:{group.removeprefix('system:serviceaccounts:')}:default"
    found = [group] if group != "system:authenticated" else []
    if user.startswith("system:serviceaccount:"):
        place = user.split(":")[2]
        found += ["system:serviceaccounts", f"system:serviceaccounts:{place}"]
    if user.startswith("system:node:"):
        found.append("system:nodes")
    everybody = "system:unauthenticated" if user == "system:anonymous" else "system:authenticated"
    return user, tuple(dict.fromkeys((*found, everybody)))


_TYPICAL = {
    "system:nodes": "system:node:worker-1",
    "system:serviceaccounts": "system:serviceaccount:shop:default",
    "system:masters": "kubernetes-admin",
    "system:unauthenticated": "system:anonymous",
}


class Shadow(NamedTuple):
    """A rule that never decides, and the earlier one that takes all its requests.

    `same` when that one does the same, so that nothing is lost.
    """

    rule: Rule
    by: Rule
    same: bool


def shadowed(policy: Policy) -> Iterator[Shadow]:
    """The rules that an earlier rule covers whole."""
    rules = policy.rules[:_MOST_COMPARED]
    for place, rule in enumerate(rules):
        by = next((earlier for earlier in rules[:place] if covers(earlier, rule)), None)
        if by is not None:
            yield Shadow(rule, by, (by.level, by.omit_stages) == (rule.level, rule.omit_stages))


class Void(NamedTuple):
    """An entry no request can match: its path, what stands there, why. `whole`: the rule has no other."""

    rule: Rule
    path: str
    value: str
    why: str
    whole: bool


def voids(policy: Policy) -> Iterator[Void]:
    """Entries that look like wildcards or names and match nothing."""
    for rule in policy.rules:
        yield from _no_wildcard(rule, "verbs", rule.verbs)
        yield from _no_wildcard(rule, "users", rule.users)
        yield from _no_wildcard(rule, "userGroups", rule.user_groups)
        yield from _no_wildcard(rule, "namespaces", rule.namespaces)
        entries = [
            (index, entry, name)
            for index, entry in enumerate(rule.resources)
            for name in entry.resources or ("",)
        ]
        wrong = [(index, name, why) for index, entry, name in entries if (why := _no_resource(entry, name))]
        for index, name, why in wrong:
            path = f"{rule.path}.resources[{index}].resources"
            yield Void(rule, path, name, why, len(wrong) == len(entries))


_NO_WILDCARD = {
    "verbs": "verbs know no wildcard: leave verbs out to mean all",
    "users": "users are compared letter by letter: leave users out to mean all, or name a group",
    "userGroups": "groups are compared letter by letter: leave userGroups out to mean all",
    "namespaces": "namespaces are compared letter by letter: leave namespaces out to mean all",
}


def _no_wildcard(rule: Rule, field: str, values: tuple[str, ...]) -> Iterator[Void]:
    wrong = [value for value in values if value.endswith("*")]
    for value in wrong:
        yield Void(rule, f"{rule.path}.{field}", value, _NO_WILDCARD[field], len(wrong) == len(values))


def _no_resource(entry: Resources, name: str) -> str:
    """Why no resource has that name; empty when one may."""
    plain = name.partition("/")[0]
    if name == "*/*":
        return "only * means every resource"
    if name != name.lower():
        return f"resources are written in the plural and in small letters: {plain.lower().rstrip('s')}s"
    if entry.group == "" and plain not in ("", "*") and plain not in CORE:
        hint = f"{plain}s" if f"{plain}s" in CORE else ""
        other = GROUP_OF.get(plain) or GROUP_OF.get(f"{plain}s", "")
        if hint:
            return f"the core group has no {plain}; it has {hint}"
        return f"the core group has no {plain}" + (f"; they are in {other}" if other else "")
    return ""


CORE = frozenset(
    ("bindings", "componentstatuses", "configmaps", "endpoints", "events", "limitranges", "namespaces",
     "nodes", "persistentvolumeclaims", "persistentvolumes", "pods", "podtemplates", "replicationcontrollers",
     "resourcequotas", "secrets", "serviceaccounts", "services")
)  # fmt: skip
"""The resources of the core group (api/v1), unchanged for years."""
GROUP_OF = {
    **dict.fromkeys(
        ("deployments", "daemonsets", "statefulsets", "replicasets", "controllerrevisions"), "apps"
    ),
    **dict.fromkeys(("jobs", "cronjobs"), "batch"),
    **dict.fromkeys(
        ("roles", "rolebindings", "clusterroles", "clusterrolebindings"), "rbac.authorization.k8s.io"
    ),
    **dict.fromkeys(("ingresses", "networkpolicies", "ingressclasses"), "networking.k8s.io"),
    **dict.fromkeys(("storageclasses", "volumeattachments", "csinodes", "csidrivers"), "storage.k8s.io"),
    **dict.fromkeys(("tokenreviews",), "authentication.k8s.io"),
    **dict.fromkeys(("subjectaccessreviews", "selfsubjectaccessreviews"), "authorization.k8s.io"),
    **dict.fromkeys(("leases",), "coordination.k8s.io"),
    **dict.fromkeys(("endpointslices",), "discovery.k8s.io"),
    **dict.fromkeys(("certificatesigningrequests",), "certificates.k8s.io"),
    **dict.fromkeys(("customresourcedefinitions",), "apiextensions.k8s.io"),
    **dict.fromkeys(("poddisruptionbudgets",), "policy"),
    **dict.fromkeys(("horizontalpodautoscalers",), "autoscaling"),
    **dict.fromkeys(
        ("validatingwebhookconfigurations", "mutatingwebhookconfigurations"), "admissionregistration.k8s.io"
    ),
    **dict.fromkeys(("apiservices",), "apiregistration.k8s.io"),
}
"""Where resources are that people look for in the core group."""


class Obsolete(NamedTuple):
    """A rule about what is no more: its path, what stands there, what took its place."""

    rule: Rule
    path: str
    value: str
    why: str


def obsolete(policy: Policy) -> Iterator[Obsolete]:
    """Targets of old samples that today's clusters have not."""
    for rule in policy.rules:
        for index, entry in enumerate(rule.resources):
            path = f"{rule.path}.resources[{index}]"
            if entry.group == "extensions":
                why = "nothing is in the group extensions since Kubernetes 1.22 (apps, networking.k8s.io)"
                yield Obsolete(rule, f"{path}.group", "extensions", why)
            if "controller-leader" in entry.names:
                why = "leaders are elected by Leases (coordination.k8s.io) since Kubernetes 1.20"
                yield Obsolete(rule, f"{path}.resourceNames", "controller-leader", why)
            if entry.group == "" and "endpoints" in entry.resources and "system:kube-proxy" in rule.users:
                why = "kube-proxy watches endpointslices (discovery.k8s.io) instead"
                yield Obsolete(rule, f"{path}.resources", "endpoints", why)


NOISE = (
    Request("update", "leases", "", "coordination.k8s.io", "kube-node-lease", "worker-1",
            user="system:node:worker-1", groups=("system:nodes", "system:authenticated")),
    Request("patch", "events", "", "", "shop", "web-1",
            user="system:node:worker-1", groups=("system:nodes", "system:authenticated")),
    Request("watch", "endpointslices", "", "discovery.k8s.io",
            user="system:serviceaccount:kube-system:kube-proxy",
            groups=("system:serviceaccounts", "system:serviceaccounts:kube-system", "system:authenticated")),
    Request("get", path="/readyz", user="system:anonymous", groups=("system:unauthenticated",)),
    Request("get", path="/metrics", user="system:serviceaccount:monitoring:prometheus",
            groups=("system:serviceaccounts", "system:serviceaccounts:monitoring", "system:authenticated")),
)  # fmt: skip
"""What every cluster does all the time and nobody asks about afterwards."""


def falls_through(policy: Policy) -> list[Request]:
    """Requests that no rule takes: a custom resource somebody writes, and a path somebody asks for."""
    strangers = (
        Request("create", "widgets", "", "example.com", "shop", "web"),
        Request("create", "widgets", "", "example.com", "", "web"),
        Request("get", path="/openapi/v3"),
        Request("get", path="/api"),
    )
    return [one for one in strangers if decide(policy, one).rule is None]


def without_outcome(policy: Policy) -> list[Rule]:
    """Rules that log something and leave out the stage in which the outcome is known."""
    return [rule for rule in policy.rules if rule.level != "None" and "ResponseComplete" in rule.omit_stages]
