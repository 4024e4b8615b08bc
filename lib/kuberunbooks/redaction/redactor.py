"""One run's redaction: the chain, what was learned, and the names given so far.

Made by the notebook session, used by the step runner on everything it shows and
by the case recorder on everything it writes, so that a secret has the same
name in the report and in the case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from threading import RLock
from typing import Any, TypeVar

import msgspec

from kuberunbooks.objects import NOT_JSON, Pod

from . import kubernetes
from .chain import secrets_in
from .cleaning import clean
from .learned import Learned, is_name_in
from .names import env_secrecy
from .pseudonyms import PLACEHOLDER, Pseudonyms
from .spans import merge, splice

S = TypeVar("S")

_MEMO_SIZE = 20_000
_MEMO_LENGTH = 512
# Too short for a key of any service, and without anything a pair or a URL needs; or only digits and hex.
_CROWD = 50
_PLAIN = re.compile(r"[A-Za-z0-9. /-]{0,18}|[0-9a-fTZ:.-]{0,64}")


class Redactor:
    """Replaces secrets by pseudonyms that are stable within one run.

    `counts` says how many different secrets of each kind were replaced. Every
    method may be called again on its own output: nothing changes then.
    """

    def __init__(self) -> None:
        self._pseudonyms = Pseudonyms()
        self._learned = Learned()
        # The strings of a namespace repeat: thousands of pods differ in a dozen of their hundred.
        self._memo: dict[str, str] = {}
        self._known_entries: set[tuple[str, str]] = set()
        self._lock = RLock()

    @property
    def counts(self) -> dict[str, int]:
        """How many different secrets were replaced, by kind."""
        return dict(sorted(self._pseudonyms.counts.items()))

    def reserve(self, counts: dict[str, int]) -> None:
        """Leaves out the names of a case that was redacted when it was recorded."""
        self._pseudonyms.reserve(counts)

    def learn(self, name: str, value: str) -> None:
        """Remembers a value whose name says that it is secret, and secrets inside any other value."""
        body = value.encode("utf-8", "replace")
        with self._lock:
            known = len(self._learned)
            kind = env_secrecy(name)
            if kind:
                self._learned.add(body, kind)
            for span in secrets_in(body):
                self._learned.add(body[span.start : span.end], span.kind)
            if len(self._learned) != known:
                self._memo.clear()

    def learn_json(self, body: bytes) -> None:
        """Remembers the secrets in the env entries of an API answer, without parsing it."""
        with self._lock:
            for name, value in kubernetes.env_entries(body):
                if (name, value) not in self._known_entries:
                    self._known_entries.add((name, value))
                    if not is_name_in(body, value):
                        self.learn(name, value)

    def learn_pods(self, pods: Iterable[Pod]) -> None:
        """Remembers the secrets in the env, commands and arguments of pods."""
        names: set[str] = set()
        for pod in pods:
            spec = pod.spec
            names.update((pod.namespace, pod.name, spec.service_account_name, *pod.metadata.labels.values()))
            for container in (*spec.init_containers, *spec.containers, *spec.ephemeral_containers):
                names.add(container.name)
                entries = [(one.name, one.value) for one in container.env if one.value]
                command = " ".join((*container.command, *container.args))
                for entry in (*entries, ("", command)):
                    if entry not in self._known_entries:
                        self._known_entries.add(entry)
                        self.learn(*entry)
        self._learned.forget(names)

    def text(self, text: str) -> str:
        """The text without its secrets, control characters and terminal escapes."""
        if not (text.isascii() and text.isprintable()):
            text = clean(text.encode("utf-8", "replace")).decode("utf-8", "replace")
        return self.secrets_of(text)

    def secrets_of(self, text: str) -> str:
        """The text without its secrets; every other character stays, hostile ones too."""
        if not len(self._learned) and _PLAIN.fullmatch(text):
            return text
        with self._lock:
            known = self._memo.get(text)
            if known is None:
                body = text.encode("utf-8", "surrogatepass")
                redacted = self.secrets_in_bytes(body)
                known = text if redacted is body else redacted.decode("utf-8", "surrogatepass")
                if len(text) <= _MEMO_LENGTH:
                    if len(self._memo) >= _MEMO_SIZE:
                        self._memo.clear()
                    self._memo[text] = known
            return text if known == text else known

    def secrets_in_bytes(self, body: bytes) -> bytes:
        """As `secrets_of`, for UTF-8 bytes such as a log; the same object when nothing is replaced."""
        with self._lock:
            spans = self._spans(body)
            return splice(body, spans, self._pseudonyms) if spans else body

    def secret(self, value: str, kind: str) -> str:
        """The name of a whole value that is known to be secret."""
        with self._lock:
            if PLACEHOLDER.search(value.encode("utf-8", "replace")) or not value:
                return value
            return self._pseudonyms.name(value.encode("utf-8", "replace"), kind).decode()

    def json(self, body: bytes) -> bytes:
        """An API answer (object or list) without secrets: env values, annotations, Secret data.

        Objects with nothing suspicious in them keep their bytes. What is no JSON
        (a proxy's page, an answer cut off) is treated as text.
        """
        with self._lock:
            self.learn_json(body)
            try:
                envelope = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
            except NOT_JSON:
                # JSON that is no object, or no JSON at all, which `_object` tells apart.
                return self._object(body, secret=False)
            items = _items(envelope)
            if items is None:
                return self._object(body, secret=False)
            secret = envelope.get("kind", msgspec.Raw(b"")) == msgspec.Raw(b'"SecretList"')
            redacted = [self._object(item, secret=secret) for item in items]
            if all(new is old for new, old in zip(redacted, items, strict=True)):
                return body
            pieces = {key: bytes(raw) for key, raw in envelope.items()}
            pieces["items"] = b"[" + b",".join(redacted) + b"]"
            return (
                b"{" + b",".join(msgspec.json.encode(key) + b":" + raw for key, raw in pieces.items()) + b"}"
            )

    def struct(self, value: S) -> S:
        """A msgspec Struct, list or dict with `text` applied to every string in it."""
        texts: dict[str, str] = {}
        found: S = self._walk(value, texts)
        return found

    def plain(self, value: Any) -> Any:
        """As `struct`, for parsed JSON."""
        return self.struct(value)

    def _spans(self, body: bytes) -> list[Any]:
        spans = secrets_in(body)
        if len(self._learned):
            learned = list(self._learned.spans(body))
            if learned:
                return merge([*spans, *learned], body)
        return spans

    def _object(self, body: bytes, *, secret: bool) -> bytes:
        try:
            parsed = msgspec.json.decode(body)
            hidden = kubernetes.without_data(parsed, self) if secret and isinstance(parsed, dict) else parsed
            redacted = kubernetes.redact(hidden, self)
        except NOT_JSON:
            return self.secrets_in_bytes(body)
        return body if redacted is parsed else msgspec.json.encode(redacted)

    def _walk(self, value: Any, texts: dict[str, str]) -> Any:
        if isinstance(value, str):
            known = texts.get(value)
            if known is None:
                known = texts[value] = self.text(value)
            return known
        if isinstance(value, msgspec.Struct):
            changed = {}
            for name in value.__struct_fields__:
                old = getattr(value, name)
                new = self._walk(old, texts)
                if new is not old:
                    changed[name] = new
            return msgspec.structs.replace(value, **changed) if changed else value
        if isinstance(value, list | tuple):
            if self._is_clean_crowd(value):
                return value
            walked = [self._walk(one, texts) for one in value]
            if all(new is old for new, old in zip(walked, value, strict=True)):
                return value
            return walked if isinstance(value, list) else tuple(walked)
        if isinstance(value, dict):
            return {self._walk(key, texts): self._walk(one, texts) for key, one in value.items()}
        return value

    def _is_clean_crowd(self, values: list[Any] | tuple[Any, ...]) -> bool:
        """Thousands of names of pods with the same fault: one look at them all instead of one each."""
        if len(values) < _CROWD or not all(isinstance(one, str) and one.isprintable() for one in values):
            return False
        joined = "\n".join(values)
        return self.text(joined) == joined


def _items(envelope: dict[str, msgspec.Raw]) -> list[bytes] | None:
    raw = envelope.get("items")
    if raw is None:
        return None
    try:
        return [bytes(one) for one in msgspec.json.decode(raw, type=list[msgspec.Raw])]
    except NOT_JSON:
        return None
