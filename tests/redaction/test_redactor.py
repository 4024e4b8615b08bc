"""The redaction chain as a whole: every secret of the corpus goes, ordinary text stays."""

from __future__ import annotations

import msgspec
import pytest

from kuberunbooks.redaction import Redactor

from .corpus import ORDINARY, SECRETS


@pytest.mark.parametrize("text", SECRETS)
def test_no_secret_of_the_corpus_comes_out_of_a_text(text: str) -> None:
    redacted = Redactor().text(text)
    assert not [part for part in SECRETS[text] if part in redacted], redacted
    assert "[redacted:" in redacted


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_comes_out_as_it_went_in(text: str) -> None:
    assert Redactor().text(text) == text


@pytest.mark.parametrize("text", SECRETS)
def test_redacting_twice_changes_nothing(text: str) -> None:
    redactor = Redactor()
    once = redactor.text(text)
    assert redactor.text(once) == once
    assert Redactor().text(once) == once


@pytest.mark.parametrize("text", SECRETS)
def test_no_secret_of_the_corpus_comes_out_of_json_whatever_field_holds_it(text: str) -> None:
    pod = {
        "metadata": {"name": "web-1", "annotations": {"note": text}},
        "spec": {"containers": [{"args": [text]}]},
    }
    body = msgspec.json.encode({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": [pod]})
    redacted = Redactor().json(body)
    plain = msgspec.json.decode(redacted)
    held = plain["items"][0]["metadata"]["annotations"]["note"]
    assert not [part for part in SECRETS[text] if part in held], held
    assert not [
        part for part in SECRETS[text] if part in plain["items"][0]["spec"]["containers"][0]["args"][0]
    ]
    assert plain["items"][0]["metadata"]["name"] == "web-1"
