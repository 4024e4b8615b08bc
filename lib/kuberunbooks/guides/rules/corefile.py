"""Reads a Corefile, CoreDNS's configuration, and says what in it breaks the names of Services.

Only what is certain: where parts of it come from other files or from variables, a
plugin that is not seen may be there. Called by the services guide's step about the
cluster's DNS; knows nothing of a cluster.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import NamedTuple

_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|[^\s"]+')
_MOST_READ = 256 * 1024
_DNS_PORT = "53"


class Directive(NamedTuple):
    """A plugin of a server block, with its arguments and the line it stands on, from 1."""

    name: str
    arguments: tuple[str, ...]
    line: int

    @property
    def text(self) -> str:
        """As it is written: `forward . /etc/resolv.conf`."""
        return " ".join((self.name, *self.arguments))


class ServerBlock(NamedTuple):
    """`.:53 { … }`: the zones and ports it serves, and its plugins."""

    keys: tuple[str, ...]
    plugins: tuple[Directive, ...]

    def named(self, *names: str) -> list[Directive]:
        """Its plugins of these names."""
        return [one for one in self.plugins if one.name in names]


class Corefile(NamedTuple):
    """A Corefile: `blocks` without the snippets, which stand where they are imported.

    `whole`: nothing comes from elsewhere. `broken`: what its braces lack, empty when they fit.
    """

    blocks: tuple[ServerBlock, ...]
    whole: bool
    broken: str

    def named(self, *names: str) -> list[Directive]:
        """The plugins of these names, of all blocks."""
        return [found for block in self.blocks for found in block.named(*names)]

    @property
    def zones(self) -> set[str]:
        """The cluster domains its kubernetes plugins serve: their arguments, else the block's own zones."""
        found: set[str] = set()
        for block in self.blocks:
            for plugin in block.named("kubernetes"):
                found.update(_zone(one) for one in plugin.arguments or block.keys)
        return found

    @property
    def ports(self) -> set[str]:
        """The ports its blocks listen on."""
        return {
            key.rpartition(":")[2] if ":" in key else _DNS_PORT for one in self.blocks for key in one.keys
        }


def read_corefile(text: str) -> Corefile:
    """Reads a Corefile; never fails. What cannot be read makes it not `whole`, or `broken`."""
    if len(text) > _MOST_READ:
        return Corefile((), False, "")
    blocks: list[ServerBlock] = []
    snippets: dict[str, tuple[Directive, ...]] = {}
    keys: list[str] = []
    plugins: list[Directive] = []
    opened: list[int] = []
    broken = ""
    whole = "{$" not in text and "{%" not in text
    for number, words in _lines(text):
        opens = words[-1] == "{"
        heads = words[:-1] if opens else words
        if words[0] == "}":
            if not opened and not broken:
                broken = f"line {number} closes a block that none opens"
            if len(opened) == 1:
                _end(tuple(keys), tuple(plugins), blocks, snippets)
                keys, plugins = [], []
            if opened:
                opened.pop()
            continue
        if not opened and words[0] == "import" and not opens:
            whole = False
        elif not opened:
            keys += [one.rstrip(",") for one in heads if one.rstrip(",")]
        elif len(opened) == 1 and heads:
            plugins.append(Directive(heads[0], tuple(heads[1:]), number))
        if opens:
            opened.append(number)
    if opened and not broken:
        broken = f"the block opened on line {opened[0]} is never closed"
    return _assembled(blocks, snippets, broken, whole=whole and not keys)


def forward_loops(found: Corefile, own: Iterable[str], *, host_network: bool) -> list[Directive]:
    """The forward plugins that send questions back to CoreDNS itself.

    `own` are the addresses of the DNS Service. A loopback address is CoreDNS's own unless its pods use the
    network of their node, where another server may listen.
    """
    addresses = set(own)
    looping: list[Directive] = []
    for plugin in found.named("forward"):
        for upstream in plugin.arguments[1:]:
            host, port = _host_port(upstream)
            loopback = not host_network and _is_loopback(host) and port in found.ports
            if (host in addresses and port == _DNS_PORT) or loopback:
                looping.append(plugin)
                break
    return looping


def _lines(text: str) -> Iterable[tuple[int, list[str]]]:
    """The words of every line, without comments; what a brace opens or closes in a line is one of its own."""
    for number, line in enumerate(text.splitlines(), 1):
        words: list[str] = []
        for word in _TOKEN.findall(line):
            if word.startswith("#"):
                break
            if word == "}":
                if words:
                    yield number, words
                yield number, ["}"]
                words = []
                continue
            words.append(word.strip('"'))
            if word == "{":
                yield number, words
                words = []
        if words:
            yield number, words


def _end(
    keys: tuple[str, ...],
    plugins: tuple[Directive, ...],
    blocks: list[ServerBlock],
    snippets: dict[str, tuple[Directive, ...]],
) -> None:
    if len(keys) == 1 and keys[0].startswith("(") and keys[0].endswith(")"):
        snippets[keys[0][1:-1]] = plugins
    else:
        blocks.append(ServerBlock(keys, plugins))


def _assembled(
    blocks: list[ServerBlock], snippets: dict[str, tuple[Directive, ...]], broken: str, *, whole: bool
) -> Corefile:
    """Puts the snippets in where they are imported; other imports are files that were not read."""
    found: list[ServerBlock] = []
    for block in blocks:
        plugins: list[Directive] = []
        for one in block.plugins:
            if one.name != "import":
                plugins.append(one)
            elif one.arguments and one.arguments[0] in snippets:
                inner = snippets[one.arguments[0]]
                plugins += inner
                whole = whole and not any(each.name == "import" for each in inner)
            else:
                whole = False
        found.append(ServerBlock(block.keys, tuple(plugins)))
    return Corefile(tuple(found), whole and not broken, broken)


def _zone(text: str) -> str:
    """`dns://cluster.local.:53` is `cluster.local`; the root stays `.`."""
    bare = text.rpartition("://")[2].partition(":")[0]
    return bare.rstrip(".").lower() or "."


def _host_port(upstream: str) -> tuple[str, str]:
    bare = upstream.removeprefix("dns://")
    if bare.startswith("["):
        host, _, rest = bare[1:].partition("]")
        return host, rest.lstrip(":") or _DNS_PORT
    if bare.count(":") == 1:
        host, _, port = bare.partition(":")
        return host, port
    return bare, _DNS_PORT


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
