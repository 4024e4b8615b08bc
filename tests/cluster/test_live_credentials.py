"""Getting in: kubeconfigs good and bad, credential plugins, tokens, service accounts, proxies."""

from __future__ import annotations

import base64
import contextlib
import json
import logging
import socket
import socketserver
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from kuberunbooks import errors
from kuberunbooks.cluster import credentials, kubeconfig
from kuberunbooks.cluster.live import LiveSource
from tests.support.api_server import ApiServer, Fault, serve_case
from tests.support.live import FAST, open_live


@pytest.fixture
def server(incident: Callable[[str], Path]) -> Iterator[ApiServer]:
    """A server that wants the token `let-me-in`."""
    with serve_case(incident("crashloop"), token="let-me-in") as running:
        yield running


@pytest.fixture(autouse=True)
def _no_other_cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def plugin(folder: Path, body: str) -> dict[str, object]:
    """A kubeconfig user whose token comes from a small script."""
    script = folder / "login-helper"
    script.write_text(f"#!{sys.executable}\n{body}\n")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return {
        "exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": str(script), "args": ["get"]}
    }


def answer(**status: object) -> str:
    """The body of a plugin that answers with this status."""
    document = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}
    return f"print({json.dumps(json.dumps(document))})"


def test_a_plugin_that_works_gives_the_token(server: ApiServer, tmp_path: Path) -> None:
    source = open_live(server, tmp_path, user=plugin(tmp_path, answer(token="let-me-in")))
    source.raw("version")
    assert source.origin().server_version == "v1.36.2"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (
            "import sys; print('SSO session has expired; run sso login', file=sys.stderr); sys.exit(1)",
            "SSO session",
        ),
        ("print('not json')", "decode process output"),
        ("print('{}')", "malformed response"),
        (answer(), "missing token"),
        (answer(clientCertificateData="x"), "clientKeyData"),
    ],
    ids=["fails", "no JSON", "no status", "no token", "half a certificate"],
)
def test_a_plugin_that_fails_is_said_to_have_failed_in_its_own_words(
    body: str, words: str, server: ApiServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(errors.CredentialsFailed) as caught:
        open_live(server, tmp_path, user=plugin(tmp_path, body))
    assert "login-helper of context 'test' failed" in str(caught.value)
    assert words in str(caught.value)
    assert server.count() == 0, "no anonymous request"
    assert capfd.readouterr() == ("", "")


def test_a_plugin_does_not_give_away_a_secret_in_its_last_words(server: ApiServer, tmp_path: Path) -> None:
    body = "import sys; sys.exit('refused: password=Hunter2hunter2 https://bob:s3cretpw@idp.test/')"
    with pytest.raises(errors.CredentialsFailed) as caught:
        open_live(server, tmp_path, user=plugin(tmp_path, body))
    assert "refused" in str(caught.value)
    assert "Hunter2" not in str(caught.value)
    assert "s3cretpw" not in str(caught.value)


def test_a_plugin_that_is_not_installed_says_so_with_its_hint(server: ApiServer, tmp_path: Path) -> None:
    user = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "no-such-login-helper",
            "installHint": "Install it with apt install login-helper.",
        }
    }
    with pytest.raises(errors.CredentialsFailed, match=r"no-such-login-helper .* is not installed") as caught:
        open_live(server, tmp_path, user=user)
    assert caught.value.advice == "Install it with apt install login-helper."


def test_a_plugin_that_waits_for_a_person_is_given_up(
    server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "_PLUGIN_SECONDS", 0.5)
    started = time.monotonic()
    with pytest.raises(errors.CredentialsFailed, match=r"no answer within 0.5 s"):
        open_live(server, tmp_path, user=plugin(tmp_path, "import time; time.sleep(4)"))
    assert time.monotonic() - started < 3


def test_a_token_near_its_end_is_renewed_by_the_plugin(
    server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "_REFRESH_SECONDS", 0.0)
    counter = tmp_path / "runs"
    body = f"open({str(counter)!r}, 'a').write('x')\n" + answer(
        token="let-me-in", expirationTimestamp="2020-01-01T00:00:00Z"
    )
    source = open_live(server, tmp_path, user=plugin(tmp_path, body))
    source.raw("version")
    source.raw("version")
    assert len(counter.read_text()) == 3


def test_a_plugin_that_fails_later_is_said_to(
    server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "_REFRESH_SECONDS", 0.0)
    done = tmp_path / "done"
    body = f"import pathlib, sys\nif pathlib.Path({str(done)!r}).exists(): sys.exit('logged out')\n" + answer(
        token="let-me-in", expirationTimestamp="2020-01-01T00:00:00Z"
    )
    source = open_live(server, tmp_path, user=plugin(tmp_path, body))
    source.raw("version")
    done.touch()
    with pytest.raises(errors.CredentialsFailed, match=r"could not be renewed: .*logged out"):
        source.raw("version")


def test_other_log_messages_are_left_alone(
    server: ApiServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    open_live(server, tmp_path)
    logging.getLogger().warning("still here")
    assert "still here" in caplog.text


def test_a_wrong_token_is_an_unauthorized_that_names_no_token(server: ApiServer, tmp_path: Path) -> None:
    source = open_live(server, tmp_path, user={"token": "wrong-token"})
    with pytest.raises(
        errors.Unauthorized, match="does not accept the credentials of context 'test'"
    ) as caught:
        source.raw("version")
    assert "wrong-token" not in str(caught.value)
    assert "auth whoami" in caught.value.advice


def test_a_token_file_is_read(server: ApiServer, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("let-me-in")
    open_live(server, tmp_path, user={"tokenFile": "token"}).raw("version")


def test_impersonation_of_the_kubeconfig_is_kept(server: ApiServer, tmp_path: Path) -> None:
    user = {"token": "let-me-in", "as": "eve", "as-groups": ["ops", "dev"]}
    open_live(server, tmp_path, user=user).raw("version")
    headers = server.requests[0].headers
    assert headers["Impersonate-User"] == "eve"
    assert "Impersonate-Group" in headers


def test_a_dropped_auth_provider_is_no_silent_anonymous_request(server: ApiServer, tmp_path: Path) -> None:
    user = {"auth-provider": {"name": "azure", "config": {"client-id": "x"}}}
    with pytest.raises(
        errors.CredentialsFailed, match="auth-provider 'azure' of context 'test' gave no token"
    ):
        open_live(server, tmp_path, user=user)


def jwt(**claims: object) -> str:
    """An unsigned token with these claims."""
    parts = [base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in ({}, claims)]
    return ".".join([*parts, "c2ln"])


def test_an_oidc_token_that_is_valid_is_used(incident: Callable[[str], Path], tmp_path: Path) -> None:
    token = jwt(sub="jane", exp=time.time() + 3600, pad="xx")
    with serve_case(incident("crashloop"), token=token) as server:
        user = {"auth-provider": {"name": "oidc", "config": {"id-token": token}}}
        open_live(server, tmp_path, user=user).raw("version")


def test_an_oidc_token_that_ended_is_renewed_and_kept(
    incident: Callable[[str], Path], tmp_path: Path
) -> None:
    fresh = jwt(sub="jane", exp=time.time() + 3600, pad="xx")
    with serve_case(incident("crashloop"), tls=True, token=fresh) as server:
        discovery = {"token_endpoint": f"{server.url}/idp/token"}
        granted = {
            "id_token": fresh,
            "refresh_token": "next-one",
            "access_token": "a",
            "token_type": "Bearer",
        }
        server.faults += [
            Fault("openid-configuration", body=json.dumps(discovery).encode()),
            Fault("/idp/token", body=json.dumps(granted).encode()),
        ]
        config = {
            "id-token": jwt(sub="jane", exp=1, pad="xx"),
            "refresh-token": "first-one",
            "client-id": "cli",
            "client-secret": "cs",
            "idp-issuer-url": f"{server.url}/idp",
            "idp-certificate-authority-data": base64.b64encode(server.authority.cert_pem.bytes()).decode(),
        }
        source = open_live(server, tmp_path, user={"auth-provider": {"name": "oidc", "config": config}})
        source.raw("version")
    assert "next-one" in (tmp_path / "kubeconfig").read_text(), "a refresh token may be good for one use"


def test_an_oidc_token_that_cannot_be_renewed_is_said_to(server: ApiServer, tmp_path: Path) -> None:
    config = {
        "id-token": jwt(sub="jane", exp=1, pad="xx"),
        "refresh-token": "r3fresh-s3cret",
        "client-id": "cli",
        "client-secret": "cs",
        "idp-issuer-url": f"{server.url}/nothing",
    }
    with pytest.raises(errors.CredentialsFailed, match="could not be renewed") as caught:
        open_live(server, tmp_path, user={"auth-provider": {"name": "oidc", "config": config}})
    assert "s3cret" not in str(caught.value)


# --- kubeconfigs -----------------------------------------------------------------------------------------


def write(path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    path.write_text(text)
    monkeypatch.setenv("KUBECONFIG", str(path))
    return path


BROKEN = {
    "empty": ("", "empty or malformed"),
    "not YAML": ("clusters: [\n  token: s3cret\n  }", "is not YAML (line"),
    "a list": ("- a\n- b\n", "empty or malformed"),
    "text": ("hello s3cret", "empty or malformed"),
    "binary": ("\x00\x01\x02", "is not YAML"),
    "names missing": (
        "contexts: [{context: {user: s3cret}}]\nclusters: []\nusers: []\n",
        "empty or malformed",
    ),
    "contexts no list": ("contexts: {a: s3cret}\n", "empty or malformed"),
    "no contexts": ("current-context: x\n", "There is no context 'x'"),
    "none current": ("contexts: [{name: a, context: {cluster: c}}]\n", "No context is current"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_malformed_kubeconfig_is_one_sentence_that_quotes_none_of_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, words = BROKEN[name]
    write(tmp_path / "config", text, monkeypatch)
    with pytest.raises(errors.KubeconfigError) as caught:
        LiveSource()
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "s3cret" not in str(caught.value)
    assert caught.value.exit_status == 2


def entry(**fields: object) -> str:
    """A kubeconfig with the contexts prod and staging; `fields` replaces parts of it."""
    config: dict[str, object] = {
        "current-context": "prod",
        "contexts": [
            {"name": name, "context": {"cluster": name, "user": "u"}} for name in ("prod", "staging")
        ],
        "clusters": [
            {"name": name, "cluster": {"server": f"https://{name}.test"}} for name in ("prod", "staging")
        ],
        "users": [{"name": "u", "user": {"token": "s3cret"}}],
    }
    return yaml.safe_dump(config | fields)


INCONSISTENT = {
    "near name": ("stagin", {}, "There is no context 'stagin' .* perhaps staging was meant"),
    "far name": ("zzz", {}, "there is prod, staging"),
    "cluster missing": ("", {"clusters": []}, "means cluster 'prod', which .* does not hold"),
    "user missing": ("", {"users": []}, "means user 'u', which .* does not hold"),
    "no server": ("", {"clusters": [{"name": "prod", "cluster": {}}]}, "has no server address"),
    "odd server": ("", {"clusters": [{"name": "prod", "cluster": {"server": "prod:6443"}}]}, "no http"),
    "missing file": (
        "",
        {"users": [{"name": "u", "user": {"client-certificate": "gone.pem", "client-key": "k"}}]},
        "names a file that does not exist: .*gone.pem",
    ),
    "no base64": (
        "",
        {"users": [{"name": "u", "user": {"client-certificate-data": "*s3cret", "client-key-data": "*"}}]},
        "malformed|cannot be used together",
    ),
    "no certificate": (
        "",
        {
            "clusters": [
                {"name": "prod", "cluster": {"server": "https://a", "certificate-authority-data": "czM="}}
            ]
        },
        "certificate authority of context 'prod' is no certificate",
    ),
}


@pytest.mark.parametrize("name", INCONSISTENT)
def test_an_inconsistent_kubeconfig_is_one_sentence(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, fields, words = INCONSISTENT[name]
    write(tmp_path / "config", entry(**fields), monkeypatch)
    with pytest.raises(errors.KubeconfigError, match=words) as caught:
        LiveSource(context)
    assert "s3cret" not in str(caught.value)


def test_no_kubeconfig_at_all_says_where_it_was_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(errors.KubeconfigError, match="There is no kubeconfig"):
        LiveSource()
    monkeypatch.setenv("KUBECONFIG", "/no/such/file")
    with pytest.raises(errors.KubeconfigError, match="There is no kubeconfig"):
        LiveSource("prod")


def test_a_kubeconfig_that_may_not_be_read_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path))
    with pytest.raises(errors.KubeconfigError, match="cannot be read: Is a directory"):
        LiveSource()


def test_of_several_kubeconfigs_the_first_says_which_context_is_current(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one").write_text(entry())
    (tmp_path / "two").write_text("current-context: staging\n")
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/one:{tmp_path}/missing:{tmp_path}/two")
    assert kubeconfig.read_entry(kubeconfig.kubeconfig_paths(), "").context == "prod"


def test_the_default_kubeconfig_is_that_of_the_home_folder(server: ApiServer, tmp_path: Path) -> None:
    (tmp_path / ".kube").mkdir()
    server.kubeconfig(tmp_path / ".kube" / "config")
    LiveSource(limits=FAST).raw("version")


# --- in a pod --------------------------------------------------------------------------------------------


def test_a_pod_without_kubeconfig_uses_its_service_account_and_rereads_the_token(
    incident: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "SERVICE_ACCOUNT", tmp_path)
    monkeypatch.setattr(credentials, "_REFRESH_SECONDS", 0.0)
    with serve_case(incident("crashloop"), tls=True, token="first") as server:
        (tmp_path / "token").write_text("first\n")
        (tmp_path / "ca.crt").write_bytes(server.authority.cert_pem.bytes())
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.port))
        source = LiveSource(limits=FAST)
        source.raw("version")
        assert source.origin().context == "in-cluster"
        server.token = "second"
        (tmp_path / "token").write_text("second\n")
        hook = source._transport._credentials._configuration.refresh_api_key_hook
        loader = next(
            one.cell_contents for one in hook.__closure__ if hasattr(one.cell_contents, "_token_filename")
        )
        loader.token_expires_at = loader.token_expires_at.replace(year=2000)
        source.raw("version")
        (tmp_path / "token").write_text("")
        loader.token_expires_at = loader.token_expires_at.replace(year=2000)
        with pytest.raises(
            errors.CredentialsFailed, match="could not be renewed: Token file exists but empty"
        ):
            source.raw("version")


def test_a_pod_with_half_a_service_account_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "SERVICE_ACCOUNT", tmp_path)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    (tmp_path / "token").write_text("x")
    with pytest.raises(errors.CredentialsFailed, match="service account cannot be used: Service host/port"):
        LiveSource()


# --- proxies ---------------------------------------------------------------------------------------------


class _Proxy(socketserver.StreamRequestHandler):
    """A proxy that notes what it is asked for; it opens tunnels for whoever sends the password."""

    asked: list[str] = []

    def handle(self) -> None:
        first = self.rfile.readline().decode()
        headers = list(iter(self.rfile.readline, b"\r\n"))
        self.asked.append(first)
        if not any(b"proxy-authorization" in line.lower() for line in headers):
            self.wfile.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        host, _, port = first.split()[1].rpartition(":")
        with socket.create_connection((host, int(port))) as beyond:
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            back = threading.Thread(target=_copy, args=(beyond, self.connection), daemon=True)
            back.start()
            _copy(self.connection, beyond)


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            sink.sendall(piece)


@pytest.fixture
def proxy() -> Iterator[str]:
    """Host and port of a proxy."""
    _Proxy.asked = []
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Proxy) as running:
        running.daemon_threads = True
        running.block_on_close = False
        threading.Thread(target=running.serve_forever, args=(0.05,), daemon=True).start()
        yield f"127.0.0.1:{running.server_address[1]}"
        running.shutdown()


def test_a_cluster_behind_a_proxy_is_read_through_it(
    proxy: str, incident: Callable[[str], Path], tmp_path: Path
) -> None:
    with serve_case(incident("crashloop"), tls=True) as server:
        assert open_live(server, tmp_path, **{"proxy-url": f"http://bob:pw@{proxy}"}).raw("version")
    assert [one.split()[:2] for one in _Proxy.asked] == [["CONNECT", f"127.0.0.1:{server.port}"]]


def test_the_proxy_of_the_kubeconfig_is_used_whatever_no_proxy_says(
    proxy: str, server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "api.shop.test")
    source = open_live(
        server, tmp_path, server="https://api.shop.test:6443", **{"proxy-url": f"http://{proxy}"}
    )
    with pytest.raises(errors.Unreachable) as caught:
        source.raw("version")
    assert "407" in str(caught.value)
    assert " does not connect to api.shop.test:6443" in str(caught.value)
    assert [one.split()[:2] for one in _Proxy.asked] == [["CONNECT", "api.shop.test:6443"]]


def test_the_password_of_a_proxy_is_not_told(server: ApiServer, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://bob:s3cretpw@127.0.0.1:{free.getsockname()[1]}"
    source = open_live(server, tmp_path, server="https://api.shop.test", **{"proxy-url": address})
    with pytest.raises(errors.Unreachable, match="the proxy refused the connection") as caught:
        source.raw("version")
    assert "s3cretpw" not in str(caught.value)


def test_the_proxy_of_the_environment_is_used_but_not_for_loopback(
    proxy: str, server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy}")
    monkeypatch.setenv("HTTP_PROXY", f"http://{proxy}")
    open_live(server, tmp_path).raw("version")
    assert _Proxy.asked == []
    with pytest.raises(errors.Unreachable, match="The proxy"):
        open_live(server, tmp_path, server="https://api.shop.test").raw("version")
    assert len(_Proxy.asked) == 1


def test_no_proxy_keeps_the_environments_proxy_out(
    proxy: str, server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy}")
    monkeypatch.setenv("NO_PROXY", ".invalid")
    with pytest.raises(errors.Unreachable, match="does not resolve"):
        open_live(server, tmp_path, server="https://api.shop.invalid").raw("version")
    assert _Proxy.asked == []


def test_an_unusable_proxy_address_is_a_kubeconfig_error(server: ApiServer, tmp_path: Path) -> None:
    with pytest.raises(errors.KubeconfigError, match="proxy of context 'test'"):
        open_live(server, tmp_path, server="https://a.test", **{"proxy-url": "gopher://x"})


@pytest.mark.filterwarnings("ignore:SOCKS support")
def test_a_socks_proxy_without_its_library_says_what_to_install(
    server: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "socks", None)
    with pytest.raises(errors.KubeconfigError, match="PySocks is not installed"):
        open_live(server, tmp_path, **{"proxy-url": "socks5://127.0.0.1:1080"})


def test_reading_a_case_does_not_import_the_client() -> None:
    code = (
        "import sys; from kuberunbooks import notebook; from kuberunbooks.cluster.case import CaseSource; "
        "sys.exit(any(name.split('.')[0] in ('kubernetes', 'urllib3', 'requests') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_connecting_does_not_import_the_clients_validator_but_leaves_it_usable(
    server: ApiServer, tmp_path: Path
) -> None:
    path = server.kubeconfig(tmp_path / "config")
    code = (
        "import os, sys\n"
        f"os.environ['KUBECONFIG'] = {str(path)!r}\n"
        "from kuberunbooks.cluster.live import LiveSource\n"
        "LiveSource()\n"
        "assert 'kubernetes.client' in sys.modules\n"
        "assert not {'jsonschema', 'rfc3987_syntax'} & set(sys.modules)\n"
        "import kubernetes_validate\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
