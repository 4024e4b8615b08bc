"""An audit policy file, read and validated as the API server does it.

The API server decodes the first document of the file strictly, falls back to passing over
fields it does not know (with a warning in its log), and refuses to start with a policy
that is not valid (k8s.io/apiserver/pkg/audit/policy/reader.go, apis/audit/validation).
Pure functions on text, called by the audit guide.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import msgspec

from .audit_policy import LEVELS, STAGES, Policy, Resources, Rule

Node = Any
"""A node of PyYAML's tree, which knows the line it came from; its types have no `id` in typeshed."""

API_VERSION = "audit.k8s.io/v1"
MOST_ENTRIES = 200_000
"""Of all lists of a policy together; anchors make a small file as large as they like."""

_SUBDOMAIN = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")
_OF_POLICY = ("apiVersion", "kind", "metadata", "rules", "omitStages", "omitManagedFields")
_OF_RULE = (
    "level",
    "users",
    "userGroups",
    "verbs",
    "resources",
    "namespaces",
    "nonResourceURLs",
    "omitStages",
    "omitManagedFields",
)
_OF_RESOURCES = ("group", "resources", "resourceNames")
# What people know from RBAC rules, where the same thing has another name.
_FROM_RBAC = {"apiGroups": "group", "apiGroup": "group", "groups": "userGroups", "names": "resourceNames"}


class Flaw(NamedTuple):
    """What is wrong at a place of the file: `path` as YAML (`rules[3].level`), `says` as a clause."""

    path: str
    line: int
    value: str
    says: str

    @property
    def text(self) -> str:
        """For a sentence: `line 12, rules[3].level: …`."""
        return f"line {self.line}, {self.path}: {self.says}" if self.line else self.says


class PolicyFile(NamedTuple):
    """A policy file, read. `policy` is None when an API server would refuse it; then `flaws` says why.

    `ignored` are fields it would pass over; `empty` that it has no rules; `value` the document as it
    stands there; `further` whether documents follow, which nobody reads.
    """

    policy: Policy | None
    flaws: list[Flaw]
    ignored: list[Flaw]
    empty: bool = False
    further: bool = False
    value: dict[str, Any] | None = None


class _Resources(msgspec.Struct, rename="camel"):
    group: str | None = ""
    resources: list[str | None] | None = None
    resource_names: list[str | None] | None = None


class _Rule(msgspec.Struct, rename="camel"):
    level: str | None = ""
    users: list[str | None] | None = None
    user_groups: list[str | None] | None = None
    verbs: list[str | None] | None = None
    resources: list[_Resources | None] | None = None
    namespaces: list[str | None] | None = None
    non_resource_urls: list[str | None] | None = msgspec.field(name="nonResourceURLs", default=None)
    omit_stages: list[str | None] | None = None
    omit_managed_fields: bool | None = None


class _Policy(msgspec.Struct, rename="camel"):
    rules: list[_Rule | None] | None = None
    omit_stages: list[str | None] | None = None
    omit_managed_fields: bool | None = False


def read_policy(body: bytes) -> PolicyFile:
    """Reads a policy file as the API server does. Never raises: what it would refuse is a flaw."""
    import yaml

    try:
        node, further = _first_document(body)
        value = _value_of(node)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        return _refused(Flaw("the file", line, "", f"it is no YAML ({error.problem or error.context})"))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return _refused(Flaw("the file", 0, "", f"it is no YAML ({type(error).__name__})"))
    if node is None or not isinstance(value, dict):
        return _refused(Flaw("the file", 0, "", "it holds no object, only text, a list, or nothing"))
    if sum(1 for _ in islice(_entries(node), MOST_ENTRIES + 1)) > MOST_ENTRIES:
        return _refused(Flaw("the file", 0, "", f"it has more than {MOST_ENTRIES:,} entries"))
    lines = _lines(node)
    wrong = list(_wrong_type(value, lines))
    if wrong:
        return PolicyFile(None, wrong, [], value=value)
    try:
        read = msgspec.convert(value, _Policy)
    except msgspec.ValidationError as error:
        return PolicyFile(None, [_mistyped(str(error), lines)], [], value=value)
    ignored = list(_ignored(node))
    rules = [one or _Rule() for one in read.rules or []]
    flaws = list(_stages(read.omit_stages, "omitStages", lines))
    for index, rule in enumerate(rules):
        flaws += _flaws_of(rule, f"rules[{index}]", lines)
    if flaws or not rules:
        return PolicyFile(None, flaws, ignored, empty=not rules, further=further, value=value)
    return PolicyFile(_policy(read, rules, lines), [], ignored, further=further, value=value)


def _refused(flaw: Flaw) -> PolicyFile:
    return PolicyFile(None, [flaw], [])


def _first_document(body: bytes) -> tuple[Node | None, bool]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)(body.decode("utf-8-sig"))
    try:
        if not loader.check_node():
            return None, False
        return loader.get_node(), _goes_on(loader)
    finally:
        loader.dispose()


def _goes_on(loader: Any) -> bool:
    """Whether another document follows that is not empty; one that is no YAML counts as well."""
    import yaml

    try:
        return bool(loader.check_node()) and loader.get_node().value not in ("", "null", "~")
    except yaml.YAMLError:
        return True


def _value_of(node: Node | None) -> Any:
    import yaml

    return yaml.SafeLoader("").construct_document(node) if node is not None else None


def _lines(node: Node, path: str = "") -> dict[str, int]:
    """Where each field down to a rule's entries begins, by its path; lines count from 1."""
    found = {path: node.start_mark.line + 1}
    if path.count(".") + path.count("[") > 4:
        return found
    if node.id == "mapping":
        for key, inner in node.value:
            name = f"{path}.{key.value}" if path else str(key.value)
            found.update(_lines(inner, name))
            found[name] = key.start_mark.line + 1
    elif node.id == "sequence":
        for index, inner in enumerate(node.value):
            found.update(_lines(inner, f"{path}[{index}]"))
    return found


def _line_of(path: str, lines: dict[str, int]) -> int:
    """The line of a field, else of what it stands in; 0 when that is not known."""
    while path and path not in lines:
        path = re.sub(r"(?:^|\.)[^.\[]*$|\[[^.\[]*$", "", path)
    return lines.get(path, 0)


def _entries(node: Node, depth: int = 0) -> Iterator[None]:
    """One for each entry of each list, counted as often as anchors repeat it, down to where lists end."""
    if depth > 6 or node.id == "scalar":
        return
    for one in node.value:
        inner = one[1] if node.id == "mapping" else one
        yield None
        yield from _entries(inner, depth + 1)


def _wrong_type(value: dict[Any, Any], lines: dict[str, int]) -> Iterator[Flaw]:
    """Whether it is a policy at all, of the version that is read since Kubernetes 1.24."""
    version, kind = value.get("apiVersion"), value.get("kind")
    if version != API_VERSION:
        says = f"must be {API_VERSION}"
        if version is None:
            says = f"apiVersion is missing, it {says}"
        elif str(version).startswith("audit.k8s.io/"):
            says += "; others are not read since Kubernetes 1.24"
        yield Flaw("apiVersion", lines.get("apiVersion", 1), str(version or "absent"), says)
    if kind != "Policy":
        says = "must be Policy" if kind is not None else "kind is missing, it must be Policy"
        yield Flaw("kind", lines.get("kind", 1), str(kind or "absent"), says)


def _mistyped(message: str, lines: dict[str, int]) -> Flaw:
    """A value of another type, from what msgspec says: Expected `array | null`, got `str` - at `$.x`."""
    words, _, place = message.partition(" - at `$")
    path = place.strip("`").lstrip(".") or "the file"
    kinds = re.findall(r"`([^`]+)`", words)
    names = {"array": "a list", "str": "text", "object": "a group of fields", "bool": "true or false"}
    names |= {"int": "a number", "float": "a number", "null": "nothing"}
    wanted, got = (names.get(kind.partition(" |")[0], kind) for kind in (*kinds, "", "")[:2])
    says = f"must be {wanted}, and is {got}" if len(kinds) > 1 else words.lower()
    return Flaw(path, _line_of(path, lines), got, says)


def _ignored(node: Node) -> Iterator[Flaw]:
    """Fields the API server does not know and passes over, and those that stand twice."""
    yield from _unknown(node, "", _OF_POLICY)
    for index, rule in enumerate(_items(node, "rules")):
        yield from _unknown(rule, f"rules[{index}]", _OF_RULE)
        for place, entry in enumerate(_items(rule, "resources")):
            yield from _unknown(entry, f"rules[{index}].resources[{place}]", _OF_RESOURCES)


def _items(node: Node, name: str) -> list[Node]:
    if node.id != "mapping":
        return []
    found = next((inner for key, inner in reversed(node.value) if key.value == name), None)
    return list(found.value) if found is not None and found.id == "sequence" else []


def _unknown(node: Node, path: str, known: Sequence[str]) -> Iterator[Flaw]:
    if node.id != "mapping":
        return
    seen: set[str] = set()
    for key, _ in node.value:
        name = str(key.value)
        if name == "<<":
            continue
        place = f"{path}.{name}" if path else name
        line = key.start_mark.line + 1
        if name in seen:
            yield Flaw(place, line, name, "stands twice, and only the last one counts")
        elif name not in known:
            meant = _FROM_RBAC.get(name, "")
            if meant not in known:
                meant = next(iter(difflib.get_close_matches(name, known, 1, 0.7)), "")
            yield Flaw(place, line, name, f"no such field{f' (is {meant} meant?)' if meant else ''}")
        seen.add(name)


def _flaws_of(rule: _Rule, path: str, lines: dict[str, int]) -> Iterator[Flaw]:
    def flaw(field: str, value: object, says: str) -> Flaw:
        place = f"{path}.{field}"
        return Flaw(place, _line_of(place, lines), str(value), says)

    if not rule.level:
        yield flaw("level", "absent", f"a level is required: {', '.join(LEVELS)}")
    elif rule.level not in LEVELS:
        meant = next((one for one in LEVELS if one.lower() == rule.level.lower()), "")
        says = f"write {meant}" if meant else f"there is {', '.join(LEVELS)}"
        yield flaw("level", rule.level, f"there is no level {rule.level}; {says}")
    for index, url in enumerate(_texts(rule.non_resource_urls)):
        if url != "*" and not url.startswith("/"):
            yield flaw(f"nonResourceURLs[{index}]", url, f"{url or 'an empty path'} must begin with a /")
        if "*" in url[:-1]:
            yield flaw(f"nonResourceURLs[{index}]", url, f"in {url} the * must be the last character")
    for index, one in enumerate(rule.resources or []):
        entry = one or _Resources()
        group = entry.group or ""
        if group not in ("", "*") and not _SUBDOMAIN.match(group):
            name = group.partition("/")[0]
            says = (
                f"write the group without a version, {name}" if "/" in group else "is no name of an API group"
            )
            yield flaw(f"resources[{index}].group", group, f"{group}: {says}")
        if entry.resource_names and not entry.resources:
            yield flaw(
                f"resources[{index}].resourceNames",
                ", ".join(_texts(entry.resource_names)),
                "needs at least one entry in resources beside it",
            )
    yield from _stages(rule.omit_stages, f"{path}.omitStages", lines)
    if rule.non_resource_urls and (rule.resources or rule.namespaces):
        beside = "resources" if rule.resources else "namespaces"
        yield flaw(
            "nonResourceURLs",
            ", ".join(_texts(rule.non_resource_urls)),
            f"a rule is about resources or about other paths, and this one has {beside} too",
        )


def _stages(stages: list[str | None] | None, path: str, lines: dict[str, int]) -> Iterator[Flaw]:
    for index, stage in enumerate(_texts(stages)):
        if stage not in STAGES:
            line = _line_of(f"{path}[{index}]", lines)
            yield Flaw(
                f"{path}[{index}]", line, stage, f"there is no stage {stage}; there is {', '.join(STAGES)}"
            )


def _texts(values: list[str | None] | None) -> tuple[str, ...]:
    return tuple(one or "" for one in values or ())


def _policy(read: _Policy, rules: list[_Rule], lines: dict[str, int]) -> Policy:
    everywhere = frozenset(_texts(read.omit_stages))
    without_managed = bool(read.omit_managed_fields)
    made = []
    for index, rule in enumerate(rules):
        resources = [one or _Resources() for one in rule.resources or []]
        made.append(
            Rule(
                number=index + 1,
                line=lines.get(f"rules[{index}]", 0),
                level=rule.level or "",
                users=_texts(rule.users),
                user_groups=_texts(rule.user_groups),
                verbs=_texts(rule.verbs),
                resources=tuple(
                    Resources(one.group or "", _texts(one.resources), _texts(one.resource_names))
                    for one in resources
                ),
                namespaces=_texts(rule.namespaces),
                urls=_texts(rule.non_resource_urls),
                omit_stages=everywhere | frozenset(_texts(rule.omit_stages)),
                omit_managed_fields=(
                    without_managed if rule.omit_managed_fields is None else rule.omit_managed_fields
                ),
            )
        )
    return Policy(tuple(made), everywhere, without_managed)
