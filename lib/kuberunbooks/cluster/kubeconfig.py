"""Which kubeconfig entry a context means, checked before anything is done with it.

The official client reads kubeconfig files leniently (a user that does not exist
makes anonymous requests) and quotes whole entries, tokens included, when one is
malformed. So the entry is checked here first and every complaint is one
sentence without the entry's content. Called by credentials.py only.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import yaml

from kuberunbooks.errors import KubeconfigError

_DEFAULT = "~/.kube/config"


class Entry(NamedTuple):
    """One context of a kubeconfig: its name, the cluster and user entries it means, and the loaded files."""

    context: str
    cluster: dict[str, Any]
    user_name: str
    user: dict[str, Any]
    files: Any
    """The client's KubeConfigMerger, which writes refreshed OIDC tokens back."""


def kubeconfig_paths() -> list[Path]:
    """The kubeconfig files that exist, as kubectl finds them: $KUBECONFIG, else ~/.kube/config."""
    named = os.environ.get("KUBECONFIG", "") or _DEFAULT
    return [path for part in named.split(os.pathsep) if part and (path := Path(part).expanduser()).exists()]


def read_entry(paths: list[Path], context: str) -> Entry:
    """The entry of a context (empty: the current one). Raises KubeconfigError."""
    from kubernetes.config.kube_config import KubeConfigMerger

    with _readable(paths):
        files = KubeConfigMerger(os.pathsep.join(map(str, paths)))
        merged = files.config.value
        contexts = {one["name"]: one["context"] or {} for one in _values(merged["contexts"])}
        clusters = {one["name"]: one["cluster"] or {} for one in _values(merged["clusters"])}
        users = {one["name"]: one.get("user") or {} for one in _values(merged["users"])}
        name = context or _current(files)
    where = ", ".join(map(str, paths))
    if not name:
        raise KubeconfigError(f"No context is current in {where}; there is {_listed(contexts)}.")
    if name not in contexts:
        raise KubeconfigError(f"There is no context {name!r} in {where}{_hint(name, contexts)}.")
    with _readable(paths):
        cluster_name, user_name = contexts[name].get("cluster", ""), contexts[name].get("user", "")
    if cluster_name not in clusters:
        raise KubeconfigError(
            f"Context {name!r} means cluster {cluster_name!r}, which {where} does not hold."
        )
    if user_name and user_name not in users:
        raise KubeconfigError(f"Context {name!r} means user {user_name!r}, which {where} does not hold.")
    _check_server(name, clusters[cluster_name].get("server"))
    # kubectl takes the first file's current-context, the client the last one's.
    merged["current-context"] = name
    return Entry(name, clusters[cluster_name], user_name, users.get(user_name, {}), files)


def _check_server(context: str, server: object) -> None:
    if not isinstance(server, str) or not server:
        raise KubeconfigError(f"The cluster of context {context!r} has no server address.")
    try:
        parts = urlsplit(server)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        sound = False
    if not sound:
        raise KubeconfigError(f"The server of context {context!r} is no http:// or https:// address.")


def _current(files: Any) -> str:
    named = (str(one.get("current-context") or "") for one in files.config_files.values())
    return next(filter(None, named), "")


def _values(nodes: list[Any]) -> list[dict[str, Any]]:
    return [node.value for node in nodes]


def _listed(contexts: dict[str, Any]) -> str:
    names = sorted(contexts)
    return ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "") or "none"


def _hint(name: str, contexts: dict[str, Any]) -> str:
    near = difflib.get_close_matches(name, list(contexts), n=3, cutoff=0.5)
    return f"; perhaps {' or '.join(near)} was meant" if near else f"; there is {_listed(contexts)}"


@contextmanager
def _readable(paths: list[Path]) -> Iterator[None]:
    """Turns whatever a malformed file provokes into one sentence that quotes nothing from the file."""
    where = ", ".join(map(str, paths))
    try:
        yield
    except OSError as error:
        raise KubeconfigError(f"The kubeconfig {where} cannot be read: {error.strerror}.") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f" (line {mark.line + 1})" if mark else ""
        raise KubeconfigError(f"The kubeconfig {where} is not YAML{place}.") from None
    except Exception:
        # ConfigException, and what the client trips over: TypeError, KeyError, AttributeError.
        raise KubeconfigError(f"The kubeconfig {where} is empty or malformed.") from None
