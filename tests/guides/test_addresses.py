"""Addresses in commands, environments and logs, and tools that cannot do what they are called for."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest

from kuberunbooks.findings import LogExcerpt, LogLine
from kuberunbooks.guides.rules.addresses import line_address, pair_address, url_addresses
from kuberunbooks.guides.rules.command_addresses import (
    command_mentions,
    environment_mentions,
)
from kuberunbooks.guides.rules.shell_commands import commands_of
from kuberunbooks.guides.rules.wait_tools import failing_tool
from kuberunbooks.objects import Pod


def container(
    command: list[str], args: list[str] | None = None, env: list[dict[str, Any]] | None = None
) -> Any:
    raw = {"name": "wait", "command": command, "args": args or [], "env": env or []}
    return msgspec.convert({"spec": {"initContainers": [raw]}}, Pod).spec.init_containers[0]


def tried(*command: str, args: list[str] | None = None, env: list[dict[str, Any]] | None = None) -> list[str]:
    one = container(list(command), args, env)
    return [mention.address.text for mention in command_mentions(commands_of(one, "shop"))]


SCRIPTS = {
    "until nc -z -w1 10.96.99.99 5672; do echo waiting for queue; sleep 2; done": ["10.96.99.99:5672"],
    "nc -zv db 5432": ["db:5432"],
    "nc -zvw 3 db 5432": ["db:5432"],
    "while ! timeout 2 nc -z db 5432 >/dev/null 2>&1; do sleep 1; done": ["db:5432"],
    "nc -lk -p 8080": [],
    "until curl -sf http://me:secret@queue:8080/healthz; do sleep 1; done": ["queue:8080"],
    "curl -o /dev/null -s -w '%{http_code}' -H 'Host: other:99' queue:8080/healthz": ["queue:8080"],
    "curl https://api.example.com/v1": ["api.example.com:443"],
    "wget -q -O- db.shop.svc:80": ["db.shop.svc:80"],
    "wget -qO- --timeout 2 http://db/ > /dev/null": ["db:80"],
    "pg_isready -h db -p 5433 -U me": ["db:5433"],
    "pg_isready --host=db": ["db:5432"],
    "mysqladmin ping -hmysql -P3307 -psecret": ["mysql:3307"],
    "redis-cli -h cache ping | grep PONG": ["cache:6379"],
    "mongosh 'mongodb://me:secret@mongo:27018/x' --eval 1": ["mongo:27018"],
    "until nslookup db; do sleep 2; done": ["db"],
    "nslookup db.$(cat /var/run/secrets/kubernetes.io/serviceaccount/namespace).svc.cluster.local": [
        "db.shop.svc.cluster.local"
    ],
    "getent hosts db": ["db"],
    "dig +short @10.96.0.10 db.shop.svc.cluster.local": ["db.shop.svc.cluster.local"],
    "until (echo > /dev/tcp/db/5432) 2>/dev/null; do sleep 1; done": ["db:5432"],
    "timeout 300 sh -c 'until nc -z db 5432; do sleep 1; done'": ["db:5432"],
    "HOST=db; until nc -z $HOST ${PORT:-5432}; do sleep 1; done": ["db:5432"],
    "nc -z db 5432 && nc -z queue 5672": ["db:5432", "queue:5672"],
    "flyway -url=jdbc:postgresql://db:5432/shop migrate": ["db:5432"],
    "./wait-for.sh -t 30 db:5432 -- echo up:80": ["db:5432"],
    "# nc -z old 1\nnc -z new 5432": ["new:5432"],
    "nc -z \\\n  db 5432": ["db:5432"],
    "kubectl wait --for=condition=ready pod/db:80": [],
    "chown app:1000 /data && echo waiting for db:5432": [],
    "nc -z $UNKNOWN 5432": [],
    "cp -r /from/12:30 /to": [],
    "echo 'unclosed": [],
    "sleep 10": [],
}


@pytest.mark.parametrize(("script", "addresses"), SCRIPTS.items())
def test_a_script_names_what_it_tries(script: str, addresses: list[str]) -> None:
    assert tried("sh", "-c", script) == addresses


def test_commands_without_a_shell_are_read_word_by_word() -> None:
    assert tried("nc", "-z", "db", "5432") == ["db:5432"]
    assert tried("wait-for-it.sh", "db:5432", "--", "echo", "up:80") == ["db:5432"]
    assert tried("dockerize", "-wait", "tcp://db:5432", "-wait", "http://web") == ["db:5432", "web:80"]
    assert tried("/bin/bash", "/scripts/wait.sh", "db:5432") == ["db:5432"]
    assert tried("curl", "-H", "Host: x", "http://db") == ["db:80"]
    assert tried(args=["until nc -z db 5432; do sleep 1; done"]) == ["db:5432"]
    assert tried("sh", "-ec", args=["nc -z db 5432"]) == ["db:5432"]
    assert tried() == []


def test_variables_are_filled_in_where_their_value_is_plain() -> None:
    env = [
        {"name": "DB_HOST", "value": "db"},
        {"name": "DB_PORT", "value": "5432"},
        {"name": "FULL", "value": "$(DB_HOST):$(DB_PORT)"},
        {"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
        {"name": "SPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
    ]
    assert tried("nc", "-z", "$(DB_HOST)", "$(DB_PORT)", env=env) == ["db:5432"]
    assert tried("sh", "-c", "nc -z ${DB_HOST} $DB_PORT", env=env) == ["db:5432"]
    assert tried("wait-for-it.sh", "$(FULL)", env=env) == ["db:5432"]
    assert tried("sh", "-c", "nc -z db.$SPACE 80", env=env) == ["db.shop:80"]
    assert tried("sh", "-c", "nc -z $(SECRET) 80", env=env) == []


def test_a_mention_says_where_it_stands_and_quotes_no_password() -> None:
    one = container(["sh", "-c", "redis-cli -h cache -a hunter2 ping; curl http://me:hunter2@db"])
    mentions = command_mentions(commands_of(one, "shop"))
    assert {mention.path for mention in mentions} == {"command[2]"}
    assert "hunter2" not in str(mentions)


def test_the_environment_names_urls_pairs_and_hosts_with_ports() -> None:
    env = [
        {"name": "DATABASE_URL", "value": "postgres://me:hunter2@db/shop"},
        {"name": "QUEUE", "value": "queue:5672"},
        {"name": "CACHE_HOST", "value": "cache"},
        {"name": "CACHE_PORT", "value": "6379"},
        {"name": "LEVEL", "value": "info"},
        {"name": "AT", "value": "12:30"},
    ]
    mentions = environment_mentions(container([], env=env), "shop")
    assert [one.address.text for one in mentions] == ["db:5432", "queue:5672", "cache:6379"]
    assert "hunter2" not in str(mentions)


LINES = {
    "dial tcp 10.0.0.1:5432: connect: connection refused": "10.0.0.1:5432",
    "dial tcp: lookup queue on 10.96.0.10:53: no such host": "queue",
    'could not translate host name "db" to address: Name does not resolve': "db",
    'connection to server at "db" (10.0.0.5), port 5432 failed: Connection refused': "db:5432",
    "Connection refused: db:5432": "db:5432",
    "db:5432 - no response": "db:5432",
    "wget: bad address 'db.shop.svc:80'": "db.shop.svc:80",
    "nc: bad address 'db'": "db",
    "nc: connect to db (10.0.0.1) port 5432 (tcp) failed: Connection refused": "db:5432",
    "nc: db (10.0.0.1:5432): Connection refused": "db:5432",
    "curl: (7) Failed to connect to queue port 8080 after 0 ms: Couldn't connect to server": "queue:8080",
    "curl: (6) Could not resolve host: queue": "queue",
    "Connecting to db:80... failed: Connection refused.": "db:80",
    "** server can't find db.shop.svc.cluster.local: NXDOMAIN": "db.shop.svc.cluster.local",
    "Could not connect to Redis at cache:6379: Connection refused": "cache:6379",
    "ERROR 2003 (HY000): Can't connect to MySQL server on 'mysql:3306' (111)": "mysql:3306",
    "java.net.UnknownHostException: db": "db",
    "Error: connect ECONNREFUSED 10.0.0.5:5432": "10.0.0.5:5432",
    "Error: getaddrinfo ENOTFOUND db": "db",
    "wait-for-it.sh: waiting 15 seconds for db:5432": "db:5432",
    "cannot connect to postgres://me:hunter2@db:5432/shop": "db:5432",
    "waiting for queue": "",
    "12:30:15 main.go:42 waiting for the leader": "",
    "2026-11-23 21:17 retry in 10s": "",
    "migration 12:34 applied to db:5432": "",
    "listening on 0.0.0.0:8080": "",
    "": "",
}


@pytest.mark.parametrize(("line", "address"), LINES.items())
def test_a_line_names_what_cannot_be_reached(line: str, address: str) -> None:
    found = line_address(line)
    assert (found.text if found else "") == address


def test_only_hosts_and_ports_are_kept_of_urls() -> None:
    assert [
        one.text for one in url_addresses("postgres://me:p@ss@db:5432/x and file:///etc/x, http://[::1]:80/")
    ] == [
        "db:5432",
        "[::1]:80",
    ]
    assert pair_address("1.36") is None
    assert pair_address("$HOST:80") is None
    assert pair_address("10.0.0.1:80").text == "10.0.0.1:80"


@pytest.mark.parametrize(
    "text", ["'" * 20_000, '"\\' * 10_000, "a=" * 10_000, "${" * 10_000, "x://" * 8_000, "a.b:" * 9_000]
)
def test_hostile_texts_cost_no_time(text: str) -> None:
    began = time.perf_counter()
    tried("sh", "-c", text)
    tried("nc", text, text)
    line_address(text)
    line_address(f"waiting {text}")
    environment_mentions(container([], env=[{"name": "A_HOST", "value": text}]), "shop")
    assert time.perf_counter() - began < 1


def test_a_variable_that_doubles_itself_fills_no_memory() -> None:
    assert tried("sh", "-c", "A=xxxxxxxx;" + "A=$A$A;" * 2000 + "nc -z db 5432") == ["db:5432"]
    env = [{"name": "A0", "value": "x" * 100}]
    env += [{"name": f"A{n}", "value": f"$(A{n - 1})$(A{n - 1})"} for n in range(1, 60)]
    assert tried("nc", "-z", "$(A59)", "80", env=env) == []


def excerpt(*lines: str, total: int = 0, repeats: int = 1) -> LogExcerpt:
    shown = [LogLine(number=place, text=line, repeats=repeats) for place, line in enumerate(lines, start=1)]
    return LogExcerpt(source="logs/a", caption="", lines=shown, total_lines=total or len(lines))


@pytest.mark.parametrize(
    ("line", "tool"),
    [
        ("nc: invalid option -- 'z'", "nc"),
        ("sh: nc: not found", "nc"),
        ("/bin/sh: 1: curl: not found", "curl"),
        ("bash: line 1: nc: command not found", "nc"),
        ("/scripts/wait.sh: line 3: curl: command not found", "curl"),
        ("wget: unrecognized option: spider", "wget"),
        ("curl: option --fail-early: is unknown", "curl"),
    ],
)
def test_a_tool_that_fails_by_itself_again_and_again_is_found(line: str, tool: str) -> None:
    found = failing_tool(excerpt(line, "waiting", line, "waiting"), {tool, "sleep"})
    assert found is not None
    assert (found.tool, found.times) == (tool, 2)
    assert failing_tool(excerpt("waiting", line, repeats=9), set()) is not None


def test_what_is_no_lasting_failure_of_the_tool_is_none() -> None:
    line = "nc: invalid option -- 'z'"
    assert failing_tool(excerpt(line, "waiting"), {"nc"}) is None, "once: another tool may take over"
    assert failing_tool(excerpt(line, line, total=500), {"nc"}) is None, "long ago"
    assert failing_tool(excerpt(line, line), {"curl"}) is None, "not what the command calls"
    assert failing_tool(excerpt("config: not found", "config: not found"), {"config"}) is None
    assert failing_tool(excerpt("waiting", "waiting"), {"nc"}) is None
