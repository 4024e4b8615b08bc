"""The way of a websocket to the API server: TLS, client certificates, proxies, all as for reads."""

from __future__ import annotations

import base64
import socket
from collections.abc import Callable
from typing import Any

import pytest
import trustme

from kuberunbooks import errors

Shop = Callable[..., Any]
Make = Callable[..., Any]
TURNED_DOWN = r"client certificate|secure connection"


def client_user(authority: trustme.CA) -> dict[str, str]:
    """A kubeconfig user with a client certificate of this authority."""
    made = authority.issue_cert("jane@shop.test")
    return {
        "client-certificate-data": base64.b64encode(made.cert_chain_pems[0].bytes()).decode(),
        "client-key-data": base64.b64encode(made.private_key_pem.bytes()).decode(),
    }


def test_a_command_runs_over_tls(shop: Shop, container: Make) -> None:
    with shop(tls=True) as server:
        found = container(server).run("sh", "-c", "head -c 3000000 /dev/zero", most_bytes=1 << 22)
        fed = container(server).run("cat", stdin=b"y" * 3_000_000, most_bytes=1 << 22)
    assert (len(found.stdout), found.exit_code) == (3_000_000, 0)
    assert (len(fed.stdout), fed.exit_code) == (3_000_000, 0)


def test_a_deadline_holds_over_tls(shop: Shop, container: Make) -> None:
    with shop(tls=True) as server:
        found = container(server).run("sh", "-c", "echo a; sleep 30", command=1.0)
    assert (found.stdout, found.partial) == (b"a\n", True)


def test_a_client_certificate_gets_in(shop: Shop, container: Make) -> None:
    authority = trustme.CA()
    with shop(tls=True, client_ca=authority) as server:
        assert container(server, user=client_user(authority)).run("echo", "in").stdout == b"in\n"
        with pytest.raises(errors.ClusterError, match=TURNED_DOWN):
            container(server, user=client_user(trustme.CA())).run("true")
        with pytest.raises(errors.ClusterError, match=TURNED_DOWN):
            container(server).run("true")


def test_a_certificate_that_is_not_trusted_is_refused(shop: Shop, container: Make) -> None:
    other = base64.b64encode(trustme.CA().cert_pem.bytes()).decode()
    with shop(tls=True) as server:
        with pytest.raises(errors.TlsFailed, match="is not trusted"):
            container(server, **{"certificate-authority-data": other}).run("true")
        assert not server.exec.asked


def test_the_tls_name_of_the_kubeconfig_counts(shop: Shop, container: Make) -> None:
    with shop(tls=True, tls_names=["api.shop.test"]) as server:
        with pytest.raises(errors.TlsFailed, match="issued for another name"):
            container(server).run("true")
        inside = container(server, **{"tls-server-name": "api.shop.test"})
        assert inside.run("true").exit_code == 0


@pytest.mark.parametrize("tls", [True, False])
def test_a_command_runs_through_a_proxy(tls: bool, proxy: Any, shop: Shop, container: Make) -> None:
    with shop(tls=tls) as server:
        inside = container(server, **{"proxy-url": f"http://bob:pw@{proxy.place}"})
        found = inside.run("cat", stdin=b"through")
    assert (found.stdout, found.exit_code) == (b"through", 0)
    assert proxy.asked == [f"127.0.0.1:{server.port}"]


def test_a_proxy_that_refuses_is_said_without_its_password(proxy: Any, shop: Shop, container: Make) -> None:
    with shop(tls=True) as server, pytest.raises(errors.Unreachable, match="407") as caught:
        container(server, **{"proxy-url": f"http://{proxy.place}"}).run("true")
    assert str(caught.value).startswith(f"The proxy {proxy.place} does not connect to 127.0.0.1:")


def test_a_proxy_that_is_not_there_is_said(shop: Shop, container: Make) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (
        shop(tls=True) as server,
        pytest.raises(errors.Unreachable, match=f"The proxy 127.0.0.1:{port} does not connect") as caught,
    ):
        container(server, **{"proxy-url": f"http://bob:hush@127.0.0.1:{port}"}).run("true")
    assert "hush" not in str(caught.value)


def test_a_server_below_a_path_is_reached(shop: Shop, container: Make) -> None:
    """Rancher and its kin serve clusters below a path."""
    with shop() as server:
        with pytest.raises(errors.Refused):
            container(server, server=f"{server.url}/k8s/clusters/c-1").run("true")
        assert server.requests[-1].path.startswith("/k8s/clusters/c-1/api/v1/namespaces/crashloop/pods/")
