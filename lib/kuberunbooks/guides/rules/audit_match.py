"""Which rule of an audit policy decides for a request, and what is stored of it.

The first rule that matches wins, exactly as in k8s.io/apiserver/pkg/audit/policy
(checker.go): users, groups, verbs and namespaces are compared letter by letter, without
wildcards; `pods/*` also takes `pods` itself; without a match nothing is logged. Called by
the audit guide's steps and by `audit_lint`.
"""

from __future__ import annotations

from typing import NamedTuple

from .audit_policy import Policy, Resources, Rule

_SENDS_CONTENT = ("create", "update", "patch")
# Subresources whose requests are long-running (kube-apiserver's BasicLongRunningRequestCheck).
_STREAMS = frozenset(("exec", "attach", "portforward", "proxy", "log"))


class Request(NamedTuple):
    """A request as the policy sees it. `path` is set, and the fields of a resource not, for other URLs."""

    verb: str
    resource: str = ""
    subresource: str = ""
    group: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""
    user: str = "jane"
    groups: tuple[str, ...] = ("system:authenticated",)

    @property
    def is_resource(self) -> bool:
        """Whether it is about a resource of the API, and not about a path such as /healthz."""
        return not self.path

    @property
    def full_resource(self) -> str:
        """`pods/log`, `secrets`."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


class Decision(NamedTuple):
    """What a policy decides: the rule (None: none matched), the level, the stages that are left out."""

    rule: Rule | None
    level: str
    omit_stages: frozenset[str]


def decide(policy: Policy, request: Request) -> Decision:
    """The first rule that matches decides; where none does, the level is None."""
    for rule in policy.rules:
        if matches(rule, request):
            return Decision(rule, rule.level, rule.omit_stages)
    return Decision(None, "None", policy.omit_stages)


def matches(rule: Rule, request: Request) -> bool:
    """Whether a rule is about a request (ruleMatches)."""
    if rule.users and request.user not in rule.users:
        return False
    if rule.user_groups and not any(group in rule.user_groups for group in request.groups):
        return False
    if rule.verbs and request.verb not in rule.verbs:
        return False
    if rule.namespaces or rule.resources:
        if not request.is_resource or (rule.namespaces and request.namespace not in rule.namespaces):
            return False
        return not rule.resources or any(_names(one, request) for one in rule.resources)
    if rule.urls:
        return not request.is_resource and any(path_matches(request.path, one) for one in rule.urls)
    return True


def path_matches(path: str, pattern: str) -> bool:
    """Whether a URL's path is meant by a pattern, which may end with a * (pathMatches)."""
    return pattern in ("*", path) or (pattern.endswith("*") and path.startswith(pattern.rstrip("*")))


def _names(entry: Resources, request: Request) -> bool:
    if entry.group not in ("*", request.group):
        return False
    if not entry.resources:
        return True
    if entry.names and request.name not in entry.names:
        return False
    return any(resource_matches(one, request.resource, request.subresource) for one in entry.resources)


def resource_matches(pattern: str, resource: str, subresource: str) -> bool:
    """`*`, `pods`, `pods/log`, `pods/*` (pods itself too), `*/scale` (that of any resource)."""
    if pattern in ("*", f"{resource}/{subresource}" if subresource else resource):
        return True
    if subresource and pattern.startswith("*/") and pattern[2:] == subresource:
        return True
    return pattern.endswith("/*") and pattern[:-2] == resource


class Stored(NamedTuple):
    """What of a request is kept: how many events, and whether what was sent and what was answered."""

    events: int
    sent: bool
    answered: bool


def stored(request: Request, decision: Decision) -> Stored:
    """What the level and the stages left out make of a request.

    Content is only in the event of ResponseComplete. Requests that are not about resources,
    watches, logs and shells have none whatever the level says.
    """
    if decision.level == "None":
        return Stored(0, False, False)
    long_running = request.verb == "watch" or request.subresource in _STREAMS
    stages = ["RequestReceived", "ResponseComplete", *(["ResponseStarted"] if long_running else [])]
    kept = [one for one in stages if one not in decision.omit_stages]
    content = request.is_resource and not long_running and "ResponseComplete" in kept
    sent = content and decision.level in ("Request", "RequestResponse") and request.verb in _SENDS_CONTENT
    return Stored(len(kept), sent, content and decision.level == "RequestResponse")


def covers(earlier: Rule, later: Rule) -> bool:
    """Whether every request the later rule is about is one the earlier is about, so that it never decides.

    Only what can be proven by comparing lists: a False proves nothing.
    """
    conditions = (
        (earlier.users, later.users),
        (earlier.user_groups, later.user_groups),
        (earlier.verbs, later.verbs),
    )
    if not all(_wider(one, other) for one, other in conditions):
        return False
    if earlier.namespaces or earlier.resources:
        if not (later.namespaces or later.resources) or not _wider(earlier.namespaces, later.namespaces):
            return False
        if not earlier.resources:
            return True
        return bool(later.resources) and all(_all_covered(earlier, one) for one in later.resources)
    if earlier.urls:
        return (
            bool(later.urls)
            and not (later.namespaces or later.resources)
            and all(any(_path_covers(one, url) for one in earlier.urls) for url in later.urls)
        )
    return True


def _wider(earlier: tuple[str, ...], later: tuple[str, ...]) -> bool:
    return not earlier or (bool(later) and set(later) <= set(earlier))


def _all_covered(earlier: Rule, entry: Resources) -> bool:
    """Whether each resource of an entry is named by some entry of the earlier rule, for the same names."""
    wanted = entry.resources or ("",)
    return all(any(_entry_covers(one, entry, name) for one in earlier.resources) for name in wanted)


def _entry_covers(earlier: Resources, later: Resources, pattern: str) -> bool:
    """`pattern` is one of the later entry's resources, or empty for all of the group."""
    if earlier.group not in ("*", later.group):
        return False
    if not earlier.resources:
        return True
    if earlier.names and not (later.names and set(later.names) <= set(earlier.names)):
        return False
    return any(_pattern_covers(one, pattern) for one in earlier.resources)


def _pattern_covers(earlier: str, later: str) -> bool:
    if earlier == "*":
        return True
    if not later or later == "*":
        return False
    if later == earlier:
        return True
    resource, _, subresource = later.partition("/")
    if earlier.endswith("/*"):
        return earlier[:-2] == resource
    return earlier.startswith("*/") and subresource not in ("", "*") and earlier[2:] == subresource


def _path_covers(earlier: str, later: str) -> bool:
    if later == "*":
        return earlier == "*"
    if later.endswith("*"):
        return earlier == "*" or (earlier.endswith("*") and later.rstrip("*").startswith(earlier.rstrip("*")))
    return path_matches(later, earlier)
