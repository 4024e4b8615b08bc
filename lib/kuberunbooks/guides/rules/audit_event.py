"""An event of the audit log (audit.k8s.io/v1), as much of it as the analysis uses.

Logs have gigabytes: an event is decoded into the few fields below, bodies of requests
are kept undecoded. What a rule keeps of an event is a `Deed`, a small copy that holds
on to nothing of the log. Used by audit_lines and by the rules on audit logs.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import msgspec

Moment = Annotated[datetime, msgspec.Meta(tz=True)] | None

MOST_TEXT = 300
"""Characters kept of any one text of an event: user agents and messages are the caller's own words."""
OLDEST = datetime(2014, 6, 1, tzinfo=UTC)
"""Before the first commit of Kubernetes: no time of a request."""
_MOST_WORDS = 40
_NOTHING = msgspec.Raw()


class AuditUser(msgspec.Struct, gc=False, frozen=True):
    """Who asked, as the API server authenticated it; empty when it could not."""

    username: str = ""
    groups: list[str] = []


class ObjectReference(msgspec.Struct, gc=False, frozen=True, rename="camel"):
    """What the request was about; `resource` is the plural in lower case."""

    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    api_group: str = ""
    api_version: str = ""


class ResponseStatus(msgspec.Struct, gc=False, frozen=True):
    """How the request ended: HTTP code, and in failures a sentence."""

    code: int = 0
    message: str = ""


class Annotations(msgspec.Struct, gc=False, frozen=True):
    """What authorization and deprecation wrote down."""

    decision: str = msgspec.field(default="", name="authorization.k8s.io/decision")
    reason: str = msgspec.field(default="", name="authorization.k8s.io/reason")
    deprecated: str = msgspec.field(default="", name="k8s.io/deprecated")
    removed: str = msgspec.field(default="", name="k8s.io/removed-release")


class AuditEvent(msgspec.Struct, gc=False, rename="camel"):
    """One stage of one request."""

    audit_id: str = msgspec.field(name="auditID")
    stage: str = ""
    level: str = ""
    verb: str = ""
    request_uri: str = msgspec.field(default="", name="requestURI")
    user: AuditUser = AuditUser()
    impersonated_user: AuditUser | None = None
    source_ips: list[str] = msgspec.field(default=[], name="sourceIPs")
    user_agent: str = ""
    object_ref: ObjectReference | None = None
    response_status: ResponseStatus | None = None
    request_received_timestamp: Moment = None
    stage_timestamp: Moment = None
    annotations: Annotations = Annotations()
    request_object: msgspec.Raw = _NOTHING

    @property
    def at(self) -> datetime | None:
        """When the request came in; where that was not written down, when this stage was reached."""
        return self.request_received_timestamp or self.stage_timestamp

    @property
    def code(self) -> int:
        """The HTTP code, 0 when there is none (yet)."""
        return self.response_status.code if self.response_status is not None else 0

    @property
    def path(self) -> str:
        """The request's path without its options."""
        return self.request_uri.partition("?")[0]

    @property
    def is_dry_run(self) -> bool:
        """Asked with `dryRun`: nothing was stored, whatever the answer."""
        return "dryRun=" in self.request_uri

    @property
    def seconds(self) -> float | None:
        """How long the request took up to this stage."""
        if self.request_received_timestamp is None or self.stage_timestamp is None:
            return None
        return (self.stage_timestamp - self.request_received_timestamp).total_seconds()


class Wrapping(msgspec.Struct):
    """JSON that is no event but holds some: `items` of a list, `log` of a line that Docker stored."""

    items: msgspec.Raw = _NOTHING
    log: str = ""


class Deed(msgspec.Struct):
    """What is kept of a request: who did what to what, when, from where, and how it ended.

    `user` is who authenticated, `acting_as` whom it impersonated. `address` is the last of
    sourceIPs, which the API server itself saw; `claimed` are those before it, which a client
    can invent, as it can `agent`. `allowed_by` is the authorizer's reason. `file` is where
    the event stood, which tells which API server saw it.
    """

    at: datetime
    user: str
    verb: str
    resource: str = ""
    group: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    code: int = 0
    acting_as: str = ""
    groups: list[str] = []
    address: str = ""
    claimed: list[str] = []
    agent: str = ""
    stage: str = ""
    level: str = ""
    path: str = ""
    command: list[str] = []
    message: str = ""
    allowed_by: str = ""
    audit_id: str = ""
    file: str = ""
    seconds: float | None = None

    @property
    def who(self) -> str:
        """`admin`, or `admin acting as viewer`."""
        return who_text(self.user, self.acting_as)

    @property
    def kind(self) -> str:
        """`pods/exec`, `deployments.apps`; the path of a request that is about no resource."""
        return resource_text(self.resource, self.group, self.subresource) or self.path

    @property
    def what(self) -> str:
        """`list secrets`, `get pods/exec`, `get /metrics`: as short as it can be said."""
        return f"{self.verb} {resource_text(self.resource, '', self.subresource) or self.path}"

    @property
    def place(self) -> str:
        """`shop/web-1`, `web-1`, `shop/*` for all in a namespace, `*` for all there are."""
        name = self.name or ("*" if self.resource else "")
        return f"{self.namespace}/{name}" if self.namespace and self.resource != "namespaces" else name


def who_text(user: str, acting_as: str) -> str:
    """The user, and whom it impersonated; words for one that could not be authenticated."""
    return f"{user or 'nobody known'}{f' acting as {acting_as}' if acting_as else ''}"


def resource_text(resource: str, group: str, subresource: str) -> str:
    """`deployments.apps`, `pods/exec`: as kubectl takes it; empty for no resource."""
    named = f"{resource}.{group}" if group else resource
    return f"{named}/{subresource}" if subresource else named


def deed_of(event: AuditEvent, file: str = "") -> Deed | None:
    """The copy to keep, every text bounded; None for an event without a time."""
    at = _utc(event.at)
    if at is None:
        return None
    ref = event.object_ref or ObjectReference()
    status = event.response_status or ResponseStatus()
    addresses = [_cut(one) for one in event.source_ips[-5:]]
    acting = event.impersonated_user.username if event.impersonated_user is not None else ""
    return Deed(
        at=at,
        user=_cut(event.user.username),
        acting_as=_cut(acting),
        groups=[_cut(one) for one in event.user.groups[:20]],
        verb=_cut(event.verb),
        resource=_cut(ref.resource),
        group=_cut(ref.api_group),
        subresource=_cut(ref.subresource),
        namespace=_cut(ref.namespace),
        name=_cut(ref.name),
        code=status.code,
        address=addresses[-1] if addresses else "",
        claimed=addresses[:-1],
        agent=_cut(event.user_agent),
        stage=_cut(event.stage),
        level=_cut(event.level),
        # Of other requests it says what resource and name say already.
        path=_cut(event.path) if not ref.resource or ref.subresource == "proxy" else "",
        command=command_of(event.request_uri),
        message=_cut(status.message),
        allowed_by=_cut(event.annotations.reason),
        audit_id=_cut(event.audit_id),
        file=file,
        seconds=event.seconds,
    )


def _utc(at: datetime | None) -> datetime | None:
    """A time of a request in UTC; None for the zero time and what lies outside the calendar."""
    if at is None or at < OLDEST:
        return None
    try:
        return at.astimezone(UTC)
    except OverflowError:
        return None


def command_of(uri: str) -> list[str]:
    """The command of an exec request, word by word: it stands in the request's options."""
    if "command=" not in uri:
        return []
    try:
        words = parse_qs(urlsplit(uri).query, max_num_fields=1000).get("command", [])
    except ValueError:
        return []
    return [_cut(one) for one in words[:_MOST_WORDS]]


def _cut(text: str) -> str:
    return text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 1] + "…"


_STRICT = msgspec.json.Decoder(AuditEvent, strict=False)


def decode_many(block: bytes) -> list[AuditEvent]:
    """One event a line. Raises what NOT_JSON names as soon as one of them is odd."""
    return _STRICT.decode_lines(block)


def decode_event(text: bytes) -> AuditEvent | Wrapping:
    """One event; fields of an odd type are left out. Raises what NOT_JSON names for what is no object."""
    try:
        return _STRICT.decode(text)
    except msgspec.ValidationError:
        raw = msgspec.json.decode(text)
        if not isinstance(raw, dict):
            raise
        return _sound(AuditEvent, raw) if isinstance(raw.get("auditID"), str) else _sound(Wrapping, raw)


S = TypeVar("S", bound=msgspec.Struct)

_PARTS: dict[str, type[msgspec.Struct]] = {
    "user": AuditUser,
    "impersonated_user": AuditUser,
    "object_ref": ObjectReference,
    "response_status": ResponseStatus,
    "annotations": Annotations,
}


def _sound(shape: type[S], raw: dict[str, Any]) -> S:
    """What `raw` holds of a struct, without the fields that are not what they should be."""
    kept: dict[str, Any] = {}
    for field in msgspec.structs.fields(shape):
        value = raw.get(field.encode_name)
        if value is None:
            continue
        if field.type is msgspec.Raw:
            kept[field.name] = msgspec.Raw(msgspec.json.encode(value))
            continue
        try:
            kept[field.name] = msgspec.convert(value, field.type, strict=False)
        except msgspec.ValidationError:
            if field.name in _PARTS and isinstance(value, dict):
                kept[field.name] = _sound(_PARTS[field.name], value)
    return shape(**kept)
