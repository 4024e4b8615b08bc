"""The network addresses a container is told to try: in its commands and in its environment.

Each well-known program says in its own way where it connects to; of others only what can
hardly be anything else counts: URLs and `host:port`. Called by the init-containers guide.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from kuberunbooks.objects import Container

from .addresses import Address, make_address, pair_address, url_addresses
from .error_lines import bounded
from .shell_commands import Command, variables_of

_QUOTED = 200
# Programs whose words are names of users, images or texts, never addresses they connect to.
_SILENT = frozenset(
    {"echo", "printf", "chown", "chgrp", "docker", "kubectl", "useradd", "usermod", "cat", "grep", "sed",
     "sleep", "for", "case", "cd", "cp", "mv", "mkdir", "rm", "ln", "date", "log"}
)  # fmt: skip
_DEV_TCP = re.compile(r"/dev/(?:tcp|udp)/(?P<host>[^/\s]+)/(?P<port>\d{1,5})")


class Mention(NamedTuple):
    """An address and where it stands: `path` is below the container (`command[2]`).

    `text` is for quoting: the program and the address, never the other words, among which
    a password may be. `probes` is True when the program there only tries whether the address
    answers.
    """

    address: Address
    path: str
    text: str
    probes: bool = False


def command_mentions(commands: Sequence[Command]) -> list[Mention]:
    """The addresses those commands name, in order, each once."""
    found: dict[Address, Mention] = {}
    for one in commands:
        for address, probes in _addresses(one):
            text = bounded(f"{one.program} … {address.text}", _QUOTED)
            found.setdefault(address, Mention(address, one.path, text, probes))
    return list(found.values())


def environment_mentions(container: Container, namespace: str) -> list[Mention]:
    """Addresses in plain environment values: URLs, `host:port`, and pairs NAME_HOST with NAME_PORT."""
    values = variables_of(container, namespace)
    found: dict[Address, Mention] = {}
    for place, one in enumerate(container.env):
        value = values.get(one.name, "")
        stem, path = one.name.removesuffix("_HOST").removesuffix("HOST"), f"env[{place}].value"
        for address in url_addresses(value):
            found.setdefault(address, Mention(address, path, f"{one.name} names {address.text}"))
        pair = pair_address(value) if "://" not in value else None
        if pair is None:
            continue
        if not pair.port and stem != one.name:
            port = values.get(f"{stem}_PORT", "") or values.get(f"{stem}PORT", "")
            pair = make_address(pair.host, port) or pair
        if pair.port and not pair.host.isdigit():
            found.setdefault(pair, Mention(pair, path, f"{one.name} names {pair.text}"))
    return list(found.values())


def _addresses(one: Command) -> Iterator[tuple[Address, bool]]:
    """The addresses of a simple command, and whether it only tries them."""
    for text in (one.program, *one.words):
        for match in _DEV_TCP.finditer(text):
            found = make_address(match["host"], match["port"])
            if found is not None:
                yield found, True
    if one.program in _SILENT:
        return
    reader = _PROGRAMS.get(one.program.removesuffix(".sh"))
    if reader is not None:
        for address in reader(one.words):
            yield address, True
        return
    for text in one.words:
        yield from ((address, False) for address in url_addresses(text))
        # `app=db:5432` and `db:5432`, but neither `1000:1000` nor `nginx:1`.
        pair = pair_address(text.rpartition("=")[2]) if "://" not in text and "/" not in text else None
        if pair is not None and pair.port > 9:
            yield pair, False


def _options(
    words: Sequence[str], with_value: str, long_with_value: frozenset[str] = frozenset()
) -> tuple[dict[str, str], list[str]]:
    """Options with their values, and what is left; `with_value` are the letters that take one."""
    values: dict[str, str] = {}
    rest: list[str] = []
    place = 0
    while place < len(words):
        word = words[place]
        place += 1
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            if not equals and name in long_with_value and place < len(words):
                value, place = words[place], place + 1
            values.setdefault(name, value)
        elif word.startswith("-") and len(word) > 1:
            for at, letter in enumerate(word[1:], start=1):
                if letter not in with_value:
                    values.setdefault(letter, "")
                    continue
                value = word[at + 1 :]
                if not value and place < len(words):
                    value, place = words[place], place + 1
                values.setdefault(letter, value)
                break
        elif not re.match(r"\d*[<>]", word):
            rest.append(word)
        elif re.fullmatch(r"\d*[<>]+", word):
            place += 1  # the file after a lone `>`
    return values, rest


_FETCH_LONG = frozenset(
    {"output", "max-time", "connect-timeout", "retry", "retry-delay", "retry-max-time", "header", "data",
     "request", "user", "proxy", "write-out", "cacert", "cert", "key", "user-agent", "timeout", "tries",
     "output-document", "post-data", "method", "body-data", "referer", "resolve", "interface"}
)  # fmt: skip


def _netcat(words: Sequence[str]) -> Iterator[Address]:
    """`nc -zv -w1 db 5432`."""
    values, rest = _options(words, "wipsqxXeTIOGf")
    if "l" not in values:
        yield from _host_and_port(rest)


def _telnet(words: Sequence[str]) -> Iterator[Address]:
    yield from _host_and_port(_options(words, "")[1])


def _host_and_port(rest: Sequence[str]) -> Iterator[Address]:
    # Netcats differ in which options take a value; a lone number is none of a host.
    start = next((at for at, word in enumerate(rest) if not word.isdigit()), len(rest))
    if start < len(rest):
        port = rest[start + 1] if start + 1 < len(rest) and rest[start + 1].isdigit() else 0
        found = make_address(rest[start], port) if port else pair_address(rest[start])
        if found is not None:
            yield found


def _fetch(words: Sequence[str]) -> Iterator[Address]:
    """curl and wget: URLs, also without a scheme."""
    letters = "omXHduwAexbcKTFEYyzCrtOPUQ" if "-O-" not in words else "omXHduwAexbcKTFEYyzCrtPUQ"
    _, rest = _options([word for word in words if word not in ("-qO-", "-O-")], letters, _FETCH_LONG)
    for word in rest:
        urls = list(url_addresses(word))
        pair = pair_address(word, 80) if not urls and word != "-" else None
        yield from urls or ([pair] if pair else [])


def _client(port_letter: str, default_port: int) -> Callable[[Sequence[str]], Iterator[Address]]:
    """A database client: -h HOST and a port, or a URL."""

    def read(words: Sequence[str]) -> Iterator[Address]:
        values, rest = _options(
            words, f"hUdu{port_letter}", frozenset({"host", "port", "username", "dbname"})
        )
        for word in (*rest, *values.values()):
            yield from url_addresses(word)
        host = values.get("host") or values.get("h") or ""
        found = pair_address(host, default_port) if host else None
        if found is not None:
            yield (
                make_address(found.host, values.get("port") or values.get(port_letter) or found.port) or found
            )

    return read


def _wait_for_it(words: Sequence[str]) -> Iterator[Address]:
    """`wait-for-it.sh db:5432 -t 30 -- command`; what follows `--` comes only afterwards."""
    before = list(words)[: list(words).index("--")] if "--" in words else words
    values, rest = _options(before, "thp", frozenset({"host", "port", "timeout"}))
    host = values.get("host") or values.get("h") or ""
    named = make_address(host, values.get("port") or values.get("p") or 0) if host else None
    if named is not None:
        yield named
    for word in rest:
        urls = list(url_addresses(word))
        pair = pair_address(word) if not urls and ":" in word else None
        yield from urls or ([pair] if pair else [])


def _dockerize(words: Sequence[str]) -> Iterator[Address]:
    for word in words:
        yield from url_addresses(word)


def _name_only(words: Sequence[str]) -> Iterator[Address]:
    """nslookup, dig, ping: the first word that is no option is a name; a second one is the DNS server."""
    for word in words:
        if word.startswith(("-", "+", "@", ">")) or word.isdigit() or word in ("hosts", "ahosts", "ahostsv4"):
            continue
        found = pair_address(word)
        if found is not None:
            yield found
        return


_PROGRAMS: dict[str, Callable[[Sequence[str]], Iterator[Address]]] = {
    "nc": _netcat,
    "ncat": _netcat,
    "netcat": _netcat,
    "telnet": _telnet,
    "curl": _fetch,
    "wget": _fetch,
    "pg_isready": _client("p", 5432),
    "psql": _client("p", 5432),
    "mysqladmin": _client("P", 3306),
    "mysql": _client("P", 3306),
    "mariadb-admin": _client("P", 3306),
    "mariadb": _client("P", 3306),
    "redis-cli": _client("p", 6379),
    "mongosh": _client("p", 27017),
    "mongo": _client("p", 27017),
    "wait-for-it": _wait_for_it,
    "wait-for": _wait_for_it,
    "wait4x": _wait_for_it,
    "dockerize": _dockerize,
    "nslookup": _name_only,
    "dig": _name_only,
    "host": _name_only,
    "getent": _name_only,
    "ping": _name_only,
}
