"""What every Kubernetes object view shares: decoding rules, identity, citation.

Views are msgspec Structs holding only the fields a diagnosis needs, every field
defaulted, API spelling derived from the Python name (`node_name` is `nodeName`).
Unknown fields are skipped, which is what makes 5,000 pods decode in 0.15 s.
Used by every layer above.
"""

from __future__ import annotations

import re
from datetime import datetime
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

import msgspec

Time = datetime | None
"""A timestamp of the API, timezone-aware UTC, or None where it is absent or null."""

NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are no JSON: cut off, of another type, no UTF-8, or nested too deep."""


class Api(NamedTuple):
    """Where objects of one kind live: `group_version` is `v1` or `apps/v1`."""

    group_version: str
    plural: str
    kind: str
    namespaced: bool = True

    @property
    def group(self) -> str:
        """The API group as RBAC names it; empty for the core group."""
        return self.group_version.rpartition("/")[0]

    @property
    def resource(self) -> str:
        """`pods`, `deployments.apps`: what kubectl takes without ambiguity."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str = "", name: str = "") -> str:
        """The API path without leading slash: `api/v1/namespaces/shop/pods`.

        An empty namespace of a namespaced kind means all namespaces.
        """
        root = f"apis/{self.group_version}" if self.group else f"api/{self.group_version}"
        parts = [root]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        if name:
            parts.append(name)
        return "/".join(parts)


class View(msgspec.Struct, rename="camel", gc=False, omit_defaults=True):
    """Base of every view. `gc=False`: views are trees, and 5,000 pods hold a million of them."""


class OwnerReference(View):
    """metadata.ownerReferences[]."""

    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool = False

    @property
    def kind_name(self) -> str:
        """`replicaset/web-5d4f`, as kubectl takes it."""
        return f"{self.kind.lower()}/{self.name}"


class Meta(View):
    """ObjectMeta, as far as a diagnosis needs it."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    creation_timestamp: Time = None
    deletion_timestamp: Time = None
    deletion_grace_period_seconds: int | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    finalizers: list[str] = []
    owner_references: list[OwnerReference] = []


class Evidence(msgspec.Struct, frozen=True):
    """What was read and where in it.

    `source` is the API path of the object (`api/v1/namespaces/shop/pods#web-1`),
    a log (`logs/shop/web-1/app.log`) or a file; `path` the field in API spelling
    or `line 12`; `value` what stood there, as text.
    """

    source: str
    path: str
    value: str


class KubernetesObject(View):
    """Base of the views that are objects of their own, with an API path and a name."""

    api: ClassVar[Api]
    metadata: Meta = msgspec.field(default_factory=Meta)

    @property
    def kind(self) -> str:
        """The API kind: `Pod`."""
        return self.api.kind

    @property
    def name(self) -> str:
        """metadata.name."""
        return self.metadata.name

    @property
    def namespace(self) -> str:
        """metadata.namespace; empty for cluster-scoped kinds."""
        return self.metadata.namespace

    @property
    def uid(self) -> str:
        """metadata.uid."""
        return self.metadata.uid

    @property
    def kind_name(self) -> str:
        """`deployment/web`, as kubectl takes it."""
        return f"{self.kind.lower()}/{self.name}"

    @property
    def key(self) -> tuple[str, str, str]:
        """(kind, namespace, name)."""
        return (self.kind, self.namespace, self.name)

    @property
    def source(self) -> str:
        """Where the object was read, as evidence names it: `api/v1/namespaces/shop/pods#web-1`."""
        return f"{self.api.path(self.namespace)}#{self.name}"

    @property
    def controller(self) -> OwnerReference | None:
        """The owner whose controller made this object (ownerReferences[controller=true])."""
        return next((owner for owner in self.metadata.owner_references if owner.controller), None)

    @property
    def controller_key(self) -> tuple[str, str, str] | None:
        """(kind, namespace, name) of that owner; None for an object nobody's controller made."""
        owner = self.controller
        return (owner.kind, self.namespace, owner.name) if owner else None

    def cite(self, path: str, value: object = msgspec.UNSET) -> Evidence:
        """Evidence for a field of this object, `path` in API spelling.

        The value is read from the object unless given (for a value that was
        computed). A path that leads nowhere cites `absent`.
        """
        found = read_path(self, path) if value is msgspec.UNSET else value
        return Evidence(self.source, path, as_text(found))

    def age(self, now: datetime) -> float:
        """Seconds since creationTimestamp; 0 when unknown."""
        created = self.metadata.creation_timestamp
        return max(0.0, (now - created).total_seconds()) if created else 0.0


class Condition(View):
    """One entry of status.conditions, of any kind."""

    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    last_transition_time: Time = None

    @property
    def is_true(self) -> bool:
        """status == "True"; Unknown and False are both not."""
        return self.status == "True"


def find_condition(conditions: list[Condition], type_: str) -> Condition | None:
    """The condition of that type, or None."""
    for condition in conditions:  # a generator would cost twice as much, for every pod there is
        if condition.type == type_:
            return condition
    return None


class ConditionedStatus(View):
    """The part of a status that every kind with conditions has."""

    conditions: list[Condition] = []


class ConditionedObject(KubernetesObject):
    """Base of the kinds whose status holds conditions."""

    status: ConditionedStatus = msgspec.field(default_factory=ConditionedStatus)

    def condition(self, type_: str) -> Condition | None:
        """The condition of that type, or None."""
        return find_condition(self.status.conditions, type_)

    def is_condition_true(self, type_: str) -> bool:
        """Whether the condition is there and True; False, Unknown and absent are all not."""
        condition = find_condition(self.status.conditions, type_)
        return condition is not None and condition.is_true


_PATH_TOKEN = re.compile(r"([^.\[\]]+)|\[(\d+)\]|\['([^']*)'\]")


@lru_cache(maxsize=4096)
def _tokens(path: str) -> list[tuple[str, str, str]]:
    """(name, index, key) of every part of a path; the same few paths are cited for thousands of pods."""
    return _PATH_TOKEN.findall(path)


def read_path(value: Any, path: str) -> Any:
    """The value at `path` (`status.containerStatuses[0].state`, `metadata.labels['a.b/c']`), or None."""
    for name, index, key in _tokens(path):
        if value is None:
            return None
        if index:
            value = value[int(index)] if isinstance(value, list) and int(index) < len(value) else None
        elif isinstance(value, msgspec.Struct):
            value = getattr(value, _python_names(type(value)).get(name, "_absent"), None)
        elif isinstance(value, dict):
            value = value.get(key or name)
        else:
            return None
    return value


_NAMES: dict[type, dict[str, str]] = {}


def _python_names(struct: type[msgspec.Struct]) -> dict[str, str]:
    if struct not in _NAMES:
        _NAMES[struct] = dict(zip(struct.__struct_encode_fields__, struct.__struct_fields__, strict=True))
    return _NAMES[struct]


def as_text(value: object) -> str:
    """A field value as evidence quotes it: scalars plain, times in ISO 8601 UTC, the rest as compact JSON."""
    if value is None or value is msgspec.UNSET:
        return "absent"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, str | int | float):
        return str(value)
    return msgspec.json.encode(value).decode()
