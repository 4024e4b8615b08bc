"""The kubeconfig an audit webhook backend is given, read without ever handing on a secret of it.

What client-go refuses (k8s.io/client-go/tools/clientcmd) keeps the API server from starting;
what it accepts may still lose events or send them in the clear. Called by the audit guide.
"""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import urlsplit

_SECRET = (
    "token",
    "password",
    "username",
    "client-key-data",
    "client-certificate-data",
    "exec",
    "auth-provider",
)
_DEEPEST = 10
_FILES = ("certificate-authority", "client-certificate", "client-key", "tokenFile")


class Fault(NamedTuple):
    """Something wrong at a place of the file: its path, what stands there (never a secret), why."""

    path: str
    value: str
    why: str


class Webhook(NamedTuple):
    """What a webhook's kubeconfig says. `faults` keep it from working.

    `server` is the URL events go to; `credential` is how the API server says who it is (`token`,
    `client certificate`, empty: not at all); `files` are paths it names, by field.
    """

    server: str = ""
    insecure: bool = False
    has_ca: bool = False
    credential: str = ""
    files: dict[str, str] = {}
    faults: tuple[Fault, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether events are sent without TLS."""
        return self.server.startswith("http://")

    @property
    def host(self) -> str:
        """The name or address events go to."""
        try:
            return urlsplit(self.server).hostname or ""
        except ValueError:
            return ""

    @property
    def is_service(self) -> bool:
        """Whether the host is a name only the cluster's DNS knows."""
        return self.host.endswith((".svc", ".svc.cluster.local"))


def read_webhook(body: bytes) -> Webhook:
    """Reads a webhook's kubeconfig. Never raises."""
    import yaml

    try:
        value = yaml.load(body, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except (yaml.YAMLError, ValueError, RecursionError):
        return Webhook(faults=(Fault("the file", "", "it is no YAML"),))
    if not isinstance(value, dict):
        return Webhook(faults=(Fault("the file", "", "it is no kubeconfig"),))
    current = _text(value.get("current-context"))
    if not current:
        return Webhook(faults=(Fault("current-context", "absent", "without it no context is chosen"),))
    context = _named(value, "contexts", current, "context")
    if context is None:
        return Webhook(faults=(Fault("current-context", current, "there is no context of that name"),))
    wanted = _text(context.get("cluster"))
    cluster = _named(value, "clusters", wanted, "cluster")
    if cluster is None:
        path = f"contexts[name={current}].context.cluster"
        return Webhook(faults=(Fault(path, wanted or "absent", "there is no cluster of that name"),))
    who = _text(context.get("user"))
    user = _named(value, "users", who, "user")
    faults = list(_of_cluster(cluster, f"clusters[name={wanted}].cluster"))
    if who and user is None:
        path = f"contexts[name={current}].context.user"
        faults.append(Fault(path, who, "there is no user of that name"))
    return Webhook(
        server=_text(cluster.get("server")),
        insecure=cluster.get("insecure-skip-tls-verify") is True,
        has_ca=bool(cluster.get("certificate-authority") or cluster.get("certificate-authority-data")),
        credential=_credential(user or {}),
        files={
            name: _text(part[name])
            for part in (cluster, user or {})
            for name in _FILES
            if part.get(name) and not part.get(f"{name}-data")
        },
        faults=tuple(faults),
    )


def _of_cluster(cluster: dict[str, Any], path: str) -> list[Fault]:
    server = _text(cluster.get("server"))
    faults = []
    try:
        parts = urlsplit(server)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        why = "it must be the URL events are sent to, https://HOST/PATH"
        faults.append(Fault(f"{path}.server", server or "absent", why))
    ca = [one for one in ("certificate-authority", "certificate-authority-data") if cluster.get(one)]
    if cluster.get("insecure-skip-tls-verify") is True and ca:
        why = f"with {ca[0]} beside it the client refuses to begin"
        faults.append(Fault(f"{path}.insecure-skip-tls-verify", "true", why))
    return faults


def _credential(user: dict[str, Any]) -> str:
    if user.get("token") or user.get("tokenFile"):
        return "token"
    if user.get("client-certificate") or user.get("client-certificate-data"):
        return "client certificate"
    if user.get("username"):
        return "user name and password"
    return "exec plugin" if user.get("exec") else "auth provider" if user.get("auth-provider") else ""


def _named(value: dict[str, Any], field: str, name: str, part: str) -> dict[str, Any] | None:
    entries = value.get(field)
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and _text(entry.get("name")) == name:
            found = entry.get(part)
            return found if isinstance(found, dict) else {}
    return None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def kept_webhook(body: bytes) -> bytes:
    """A kubeconfig as a case may hold it: with every credential blanked; nothing when it is no YAML."""
    import yaml

    try:
        value = yaml.load(body, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except (yaml.YAMLError, ValueError, RecursionError):
        return b""
    return yaml.safe_dump(_blanked(value), sort_keys=False).encode() if isinstance(value, dict) else b""


def _blanked(value: Any, depth: int = 0) -> Any:
    if depth > _DEEPEST:
        return None
    if isinstance(value, dict):
        return {
            key: "(not kept)" if key in _SECRET and inner else _blanked(inner, depth + 1)
            for key, inner in value.items()
        }
    return [_blanked(one, depth + 1) for one in value] if isinstance(value, list) else value
