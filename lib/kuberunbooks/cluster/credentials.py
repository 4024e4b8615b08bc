"""Who we are to which API server: kubeconfig or service account, through the official client.

The client knows the kubeconfig formats, exec plugins, OIDC refresh, proxies and
the rotation of service-account tokens; this module adds what it lets pass: a
credential plugin that fails (it only logs, then asks anonymously), plugins that
hang, private keys left in temporary files. Called by live.py.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from threading import Lock, Thread
from typing import Any, TypeVar
from urllib.parse import urlsplit

import urllib3

from kuberunbooks.errors import CredentialsFailed, KubeconfigError
from kuberunbooks.redaction import Redactor

from .kubeconfig import Entry, kubeconfig_paths, read_entry
from .tls import client_certificate, connection_pool

T = TypeVar("T")

# Where the kubelet mounts a pod's token: kubernetes.io, "Accessing the Kubernetes API from a Pod".
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")

# Long enough for a person to log in through a browser that the plugin opened.
_PLUGIN_SECONDS = 120.0
_REFRESH_SECONDS = 30.0
_LOOPBACK = re.compile(r"^(localhost|127\.\d+\.\d+\.\d+|::1)$")


class Credentials:
    """A server's address, how to reach it, and how to say who asks.

    `context` is the kubeconfig context or `in-cluster`, `server` host and port,
    `user` the kubeconfig's name for the user (empty in-cluster).
    """

    def __init__(self, configuration: Any, context: str, user: str, extra: list[tuple[str, str]]) -> None:
        self.context = context
        self.user = user
        self.url = str(configuration.host).rstrip("/")
        self.server = _host(self.url)
        self.proxy = _host(configuration.proxy or "")
        self.certificate = client_certificate(configuration.cert_file)
        """From when to when the client certificate is valid; None without one."""
        self._configuration = configuration
        self._extra = extra
        self._lock = Lock()
        self._token = ""
        self._fresh_until = 0.0
        self.pool: urllib3.PoolManager = connection_pool(configuration, context)

    def headers(self) -> urllib3.HTTPHeaderDict:
        """Authorization and impersonation; a token near its end is renewed. Raises CredentialsFailed."""
        with self._lock:
            if time.monotonic() >= self._fresh_until:
                self._token = _within(_PLUGIN_SECONDS, self._read_token, self.context)
                self._fresh_until = time.monotonic() + _REFRESH_SECONDS
            headers = urllib3.HTTPHeaderDict({"authorization": self._token} if self._token else {})
        for name, value in self._extra:
            headers.add(name, value)
        return headers

    def _read_token(self) -> str:
        with _plugin_words() as words:
            try:
                token = self._configuration.get_api_key_with_prefix("BearerToken", alias="authorization")
            except Exception as error:
                words.append(str(error))
        if words:
            raise CredentialsFailed(
                f"The credentials of context {self.context!r} could not be renewed: {_clean(words)}."
            )
        return str(token or "").strip()


def load_credentials(context: str) -> Credentials:
    """The credentials of a kubeconfig context.

    Empty: the current context, or the pod's service account when there is no
    kubeconfig. Raises KubeconfigError, CredentialsFailed.
    """
    with _without_validator():
        import kubernetes.config.kube_config  # noqa: F401
    paths = kubeconfig_paths()
    if paths:
        return _from_kubeconfig(read_entry(paths, context), paths)
    if context or not (SERVICE_ACCOUNT / "token").exists():
        raise KubeconfigError(
            "There is no kubeconfig: $KUBECONFIG names no existing file, ~/.kube/config does not exist, "
            "and this is no pod with a service account."
        )
    return _from_service_account()


def _from_kubeconfig(entry: Entry, paths: list[Path]) -> Credentials:
    from kubernetes.client import Configuration
    from kubernetes.config.kube_config import KubeConfigLoader

    # The client writes certificates and keys into files and removes them when Python ends, which a
    # killed kernel never does. They are read into the TLS context at once, and gone with this folder.
    with tempfile.TemporaryDirectory(prefix="kuberunbooks-") as folder, _plugin_words() as words:
        configuration = Configuration()

        def load() -> None:
            loader = KubeConfigLoader(
                config_dict=entry.files.config,
                active_context=entry.context,
                config_base_path=None,
                config_persister=entry.files.save_changes if all(map(_writable, paths)) else None,
                temp_file_path=folder,
            )
            loader.load_and_set(configuration)

        try:
            _within(_PLUGIN_SECONDS, load, entry.context)
        except CredentialsFailed:
            raise
        except Exception as error:
            raise _load_failure(entry, error) from None
        _check_loaded(entry, configuration, words)
        _follow_kubectl(entry, configuration)
        return Credentials(configuration, entry.context, entry.user_name, _impersonation(entry.user))


def _from_service_account() -> Credentials:
    from kubernetes.client import Configuration
    from kubernetes.config import ConfigException
    from kubernetes.config.incluster_config import InClusterConfigLoader

    configuration = Configuration()
    try:
        InClusterConfigLoader(
            token_filename=str(SERVICE_ACCOUNT / "token"), cert_filename=str(SERVICE_ACCOUNT / "ca.crt")
        ).load_and_set(configuration)
    except (ConfigException, OSError) as error:
        words = str(error).rstrip(".")
        raise CredentialsFailed(f"The pod's service account cannot be used: {words}.") from error
    return Credentials(configuration, "in-cluster", "", [])


def _check_loaded(entry: Entry, configuration: Any, words: list[str]) -> None:
    """Raises CredentialsFailed when the entry has a way to log in that yielded nothing, or nothing of use."""
    if configuration.api_key or configuration.cert_file:
        # A renewal that the identity provider refused is only skipped by the client.
        if "auth-provider" in entry.user and _is_past(configuration.api_key.get("BearerToken", "")):
            sentence = f"The login of context {entry.context!r} has expired and could not be renewed."
            raise CredentialsFailed(sentence)
        return
    plugin = entry.user.get("exec")
    if isinstance(plugin, dict):
        command = Path(str(plugin.get("command", ""))).name
        hint = str(plugin.get("installHint") or "").strip()
        if any("No such file or directory" in one for one in words):
            sentence = f"The credential plugin {command} of context {entry.context!r} is not installed here."
            raise CredentialsFailed(sentence, advice=hint)
        raise CredentialsFailed(
            f"The credential plugin {command} of context {entry.context!r} failed: {_clean(words)}."
        )
    provider = entry.user.get("auth-provider")
    if isinstance(provider, dict):
        name = str(provider.get("name", ""))
        raise CredentialsFailed(
            f"The auth-provider {name!r} of context {entry.context!r} gave no token.",
            advice="Log in again; azure and gcp were dropped in Kubernetes 1.26, use their exec plugins.",
        )


def _is_past(token: str) -> bool:
    """Whether a JWT's `exp` (RFC 7519, 4.1.4) is over; False for any other token."""
    try:
        claims = token.split(".")[1]
        end = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["exp"]
        return float(end) < time.time()
    except (IndexError, KeyError, TypeError, ValueError):
        return False


def _load_failure(entry: Entry, error: Exception) -> KubeconfigError | CredentialsFailed:
    if isinstance(entry.user.get("auth-provider"), dict):
        return CredentialsFailed(
            f"The login of context {entry.context!r} could not be renewed ({type(error).__name__})."
        )
    words = str(error)
    # Other messages of the client may quote the entry, with its secrets.
    if words.startswith("File does not exist: "):
        name = words.removeprefix("File does not exist: ")
        return KubeconfigError(f"Context {entry.context!r} names a file that does not exist: {name}.")
    if isinstance(error, OSError):
        return KubeconfigError(
            f"A file that context {entry.context!r} names cannot be read: {error.strerror}."
        )
    return KubeconfigError(f"The cluster or user entry of context {entry.context!r} is malformed.")


def _follow_kubectl(entry: Entry, configuration: Any) -> None:
    """Proxies as kubectl chooses them: proxy-url beats no_proxy, loopback gets none from the environment."""
    if entry.cluster.get("proxy-url"):
        configuration.no_proxy = None
    elif _LOOPBACK.match(urlsplit(configuration.host).hostname or ""):
        configuration.proxy = None


def _impersonation(user: dict[str, Any]) -> list[tuple[str, str]]:
    """`as`, `as-uid`, `as-groups` of a user entry as headers; the client ignores them, kubectl does not."""
    found = [("Impersonate-User", user.get("as")), ("Impersonate-Uid", user.get("as-uid"))]
    found += [("Impersonate-Group", group) for group in user.get("as-groups") or []]
    return [(name, str(value)) for name, value in found if value]


def _within(seconds: float, work: Callable[[], T], context: str) -> T:
    """Runs what may start a credential plugin; one that waits for a person must not hold the run for ever."""
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:
            outcome.set_exception(error)

    Thread(target=run, name="credentials", daemon=True).start()
    try:
        return outcome.result(seconds)
    except TimeoutError:
        sentence = f"The credential plugin of context {context!r} gave no answer within {seconds:g} s."
        raise CredentialsFailed(sentence) from None


@contextmanager
def _plugin_words() -> Iterator[list[str]]:
    """Collects what the client's kubeconfig loader logs about a failing plugin; nothing of it is printed."""
    words: list[str] = []

    def keep(record: logging.LogRecord) -> bool:
        if record.module != "kube_config":
            return True
        words.append(record.getMessage())
        return False

    # The client logs through the root logger, which would get a handler to stderr if it had none.
    root, silent = logging.getLogger(), logging.NullHandler()
    root.addHandler(silent)
    root.addFilter(keep)
    try:
        yield words
    finally:
        root.removeFilter(keep)
        root.removeHandler(silent)


def _clean(words: list[str]) -> str:
    text = " ".join(" ".join(words).removeprefix("exec: ").split()).rstrip(".")
    return Redactor().text(text)[:400] or "it gave no credentials"


@contextmanager
def _without_validator() -> Iterator[None]:
    """Keeps the client's package from importing its optional validator, which nothing here uses.

    It pulls in jsonschema and, where JupyterLab is installed, grammars that are
    compiled at import: 1.5 s instead of 0.15 s.
    """
    absent = "kubernetes_validate" not in sys.modules
    if absent:
        sys.modules["kubernetes_validate"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if absent:
            sys.modules.pop("kubernetes_validate", None)


def _host(url: str) -> str:
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2]


def _writable(path: Path) -> bool:
    return os.access(path, os.W_OK)
