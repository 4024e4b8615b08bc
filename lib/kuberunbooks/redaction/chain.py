"""The chain: every rule that can find a secret in a text, one kind of secret a rule.

A rule is a plain callable of the text and its lower-cased twin (bytes, UTF-8)
that yields the places. Adding a kind of secret is adding a rule here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .commands import command_lines
from .keys import private_keys
from .pairs import named_values
from .spans import Span, merge
from .tokens import amazon_keys, authorization, service_keys, signed_tokens
from .urls import credentials_in_urls, credentials_of_drivers, signatures

Rule = Callable[[bytes, bytes], Iterator[Span]]

RULES: tuple[Rule, ...] = (
    private_keys,
    credentials_in_urls,
    credentials_of_drivers,
    signatures,
    signed_tokens,
    service_keys,
    amazon_keys,
    authorization,
    command_lines,
    named_values,
)


def secrets_in(body: bytes) -> list[Span]:
    """Where secrets stand in UTF-8 text, in order and apart."""
    lowered = body.lower()
    spans = [span for rule in RULES for span in rule(body, lowered) if span.end > span.start]
    return merge(spans, body) if spans else spans
