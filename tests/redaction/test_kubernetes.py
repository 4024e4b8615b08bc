"""Secrets in API objects: env, Secrets, annotations, arguments; and the objects stay what they are."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from detect_secrets.core.scan import scan_file
from detect_secrets.settings import default_settings

from kuberunbooks.objects import Pod
from kuberunbooks.objects.container import Container, EnvVar
from kuberunbooks.redaction import Redactor
from kuberunbooks.redaction.pseudonyms import PLACEHOLDER

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def redacted(value: Any, redactor: Redactor | None = None) -> Any:
    return json.loads((redactor or Redactor()).json(json.dumps(value).encode()))


def with_env(*entries: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": "Pod",
        "metadata": {"name": "web"},
        "spec": {"containers": [{"name": "app", "env": list(entries)}]},
    }


def env_of(pod: dict[str, Any]) -> list[str]:
    return [entry.get("value", "") for entry in pod["spec"]["containers"][0]["env"]]


def test_env_values_go_by_their_name_whatever_they_look_like() -> None:
    names = [
        "DB_PASSWORD",
        "API_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "SENTRY_DSN",
        "PRIVATE_KEY",
        "dbPassword",
        "CREDENTIALS",
    ]
    pod = redacted(with_env(*({"name": name, "value": "plain"} for name in names)))
    assert all(value.startswith("[redacted:") for value in env_of(pod))
    assert len(set(env_of(pod))) == 1, "the same secret has the same name"


def test_env_values_that_are_no_secret_stay() -> None:
    entries = [
        {"name": "PASSWORD_FILE", "value": "/run/secrets/db"},
        {"name": "TOKEN_TTL", "value": "3600"},
        {"name": "SECRET_NAME", "value": "vault-approle"},
        {"name": "DB_PASSWORD", "value": "$(OTHER)"},
        {"name": "DB_PASSWORD", "value": ""},
        {"name": "PWD", "value": "/app"},
        {"name": "LOG_LEVEL", "value": "debug"},
        {"name": "DB_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
    ]
    pod = with_env(*entries)
    assert redacted(pod) == pod


def test_a_secret_keeps_its_key_names_and_loses_every_value() -> None:
    values = {
        "password": base64.b64encode(b"hunter2-x").decode(),
        "note": base64.b64encode(b"hello").decode(),
    }
    secret = {
        "kind": "Secret",
        "apiVersion": "v1",
        "metadata": {"name": "db"},
        "data": values,
        "stringData": {"x": "hunter2-x"},
    }
    result = redacted(secret)
    assert list(result["data"]) == ["password", "note"]
    assert result["data"]["password"] == result["stringData"]["x"] == "[redacted:secret:1]"
    assert result["metadata"] == {"name": "db"}


def test_secrets_in_a_list_do_not_say_what_they_are_and_are_found_all_the_same() -> None:
    item = {"metadata": {"name": "db"}, "data": {"tls.key": "aGVsbG8="}}
    result = redacted({"kind": "SecretList", "apiVersion": "v1", "items": [item]})
    assert result["items"][0]["data"] == {"tls.key": "[redacted:secret:1]"}


def test_the_last_applied_annotation_is_redacted_inside_and_stays_json() -> None:
    applied = with_env({"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "A", "value": "b"})
    pod = {"metadata": {"name": "web", "annotations": {LAST_APPLIED: json.dumps(applied) + "\n"}}}
    inside = redacted(pod)["metadata"]["annotations"][LAST_APPLIED]
    assert inside.endswith("\n")
    assert env_of(json.loads(inside)) == ["[redacted:password:1]", "b"]


def test_an_argument_after_its_flag_is_redacted_and_other_arguments_stay() -> None:
    args = [
        "serve",
        "--password",
        "hunter2",
        "--api-key",
        "abc",
        "--port",
        "80",
        "--token-file",
        "/run/t",
        "--password",
        "$(P)",
    ]
    result = redacted({"spec": {"containers": [{"args": args}]}})["spec"]["containers"][0]["args"]
    assert result[2] == "[redacted:password:1]"
    assert result[4] == "[redacted:key:1]"
    assert [result[i] for i in (0, 1, 3, 5, 6, 7, 8, 9, 10)] == [
        args[i] for i in (0, 1, 3, 5, 6, 7, 8, 9, 10)
    ]


@pytest.mark.parametrize(
    ("command", "secret"),
    [
        (["curl", "-u", "admin:Hun7er22", "https://x"], 2),
        (["/usr/bin/curl", "--user", "admin:Hun7er22", "https://x"], 2),
        (["mysql", "-uroot", "-pR00tPw!", "shop"], 2),
        (["sshpass", "-p", "My5shPass", "ssh", "x"], 2),
    ],
)
def test_a_command_given_word_by_word_loses_the_password_of_its_short_option(
    command: list[str], secret: int
) -> None:
    told = redacted({"argv": command})["argv"]
    assert "[redacted:password:1]" in told[secret]
    assert [one for at, one in enumerate(told) if at != secret] == [
        one for at, one in enumerate(command) if at != secret
    ]


def test_a_docker_configuration_loses_password_and_auth() -> None:
    auth = base64.b64encode(b"ci:D0cker-Pw").decode()
    config = {"auths": {"r.example.com": {"username": "ci", "password": "D0cker-Pw", "auth": auth}}}
    result = json.dumps(redacted({"data": {".dockerconfigjson": json.dumps(config)}}))
    assert "D0cker-Pw" not in result
    assert auth not in result
    assert "r.example.com" in result


def test_a_learned_value_is_found_where_nothing_announces_it() -> None:
    redactor = Redactor()
    redactor.learn("DB_PASSWORD", "hunter2-not-real")
    assert redactor.text("login with hunter2-not-real refused") == "login with [redacted:password:1] refused"
    assert redactor.secrets_in_bytes(b"xhunter2-not-realx") == b"x[redacted:password:1]x"


def test_values_too_ordinary_to_look_for_are_not_learned() -> None:
    redactor = Redactor()
    for value in (
        "true",
        "default",
        "postgres",
        "12345",
        "1234567",
        "$(X_Y_Z)",
        "/run/secrets/db",
        "redacted",
        "password",
    ):
        redactor.learn("DB_PASSWORD", value)
    text = "true default postgres 12345 1234567 $(X_Y_Z) /run/secrets/db redacted password"
    assert redactor.text(text) == text


def test_a_learned_word_is_replaced_only_where_it_stands_alone() -> None:
    redactor = Redactor()
    redactor.learn("DB_PASSWORD", "swordfish")
    assert (
        redactor.text("swordfish, swordfish-7f9c swordfishes")
        == "[redacted:password:1], swordfish-7f9c swordfishes"
    )


def test_many_learned_values_are_all_found() -> None:
    redactor = Redactor()
    for number in range(500):
        redactor.learn("API_TOKEN", f"tok{number * 7919:06d}x")
    text = " ".join(f"tok{number * 7919:06d}x" for number in range(500))
    assert "tok" not in redactor.text(text).replace("token", "")


def test_the_secrets_of_pods_are_known_before_their_logs_are_shown() -> None:
    pod = Pod()
    pod.spec.containers = [
        Container(
            name="app",
            env=[EnvVar(name="DB_PASSWORD", value="hunter2-x")],
            args=["--dsn=postgres://u:s3cr3tpw@h/d"],
        )
    ]
    redactor = Redactor()
    redactor.learn_pods([pod])
    assert (
        redactor.text("tried hunter2-x then s3cr3tpw")
        == "tried [redacted:password:1] then [redacted:password:2]"
    )


def test_an_answer_without_secrets_keeps_its_bytes() -> None:
    body = b'{"kind": "PodList", "items": [ {"metadata": {"name": "web-1"}} ], "apiVersion":"v1"}\n'
    assert Redactor().json(body) is body


def test_what_is_no_json_is_redacted_as_text() -> None:
    assert b"hunter2" not in Redactor().json(b"<html>password=hunter2</html>")
    assert b"hunter2" not in Redactor().json(b'{"items":[{"env":[{"name":"DB_PASSWORD","value":"hunter2"}')


def test_in_the_recorded_incidents_only_the_two_planted_secrets_change(
    incident: Callable[[str], Path], tmp_path: Path
) -> None:
    """And a secret scanner finds nothing of them in what is left."""
    for name in ("crashloop", "config-missing", "services", "debugging", "webhook", "jobs", "audit"):
        redactor = Redactor()
        for path in sorted(incident(name).rglob("*")):
            if not path.is_file():
                continue
            body = path.read_bytes()
            clean = redactor.json(body) if path.suffix == ".json" else redactor.secrets_in_bytes(body)
            if name != "crashloop":
                assert clean is body, path
                continue
            assert b"s3cr3tpw" not in clean, path
            assert b"hunter2" not in clean, path
            copy = tmp_path / path.name
            copy.write_bytes(PLACEHOLDER.sub(b"", clean))
            with default_settings():
                leaks = [
                    leak
                    for leak in scan_file(str(copy))
                    if leak.type in ("Basic Auth Credentials", "Secret Keyword")
                ]
            assert not [leak.secret_value for leak in leaks], path
        assert redactor.counts == ({"password": 2} if name == "crashloop" else {})


def test_a_password_that_is_also_the_name_of_something_does_not_blot_the_name_out() -> None:
    pod = Pod()
    pod.metadata.namespace, pod.metadata.name, pod.metadata.labels = "shop", "web-1", {"app": "payments"}
    pod.spec.containers = [Container(name="app", env=[EnvVar(name="DB_PASSWORD", value="payments")])]
    redactor = Redactor()
    redactor.learn_pods([pod])
    assert redactor.text("deployment/payments is down") == "deployment/payments is down"
    listed = with_env({"name": "DB_PASSWORD", "value": "payments"})
    listed["metadata"]["labels"] = {"app": "payments"}
    result = redacted(listed)
    assert result["metadata"]["labels"] == {"app": "payments"}
    assert env_of(result) == ["[redacted:password:1]"]
