"""Trust: good and bad certificates, wrong names, client certificates, and what is left on the disk."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from kuberunbooks import errors
from kuberunbooks.cluster.tls import client_certificate
from tests.support.api_server import Fault, serve_case
from tests.support.live import FAST, open_live

# A server that turns us down may close before its reason has arrived.
TURNED_DOWN = "turned down the client certificate|ended the secure connection"


def encoded(blob: trustme.Blob) -> str:
    return base64.b64encode(blob.bytes()).decode()


def client_user(authority: trustme.CA, *, expires: datetime | None = None) -> dict[str, str]:
    """A kubeconfig user with a client certificate of this authority."""
    made = authority.issue_cert("jane@shop.test", not_after=expires)
    return {
        "client-certificate-data": encoded(made.cert_chain_pems[0]),
        "client-key-data": encoded(made.private_key_pem),
    }


def test_a_certificate_of_the_kubeconfigs_authority_is_trusted(
    incident: Callable[[str], Path], tmp_path: Path
) -> None:
    with serve_case(incident("crashloop"), tls=True) as server:
        assert open_live(server, tmp_path).raw("version")


def test_a_certificate_of_another_authority_is_not_trusted(
    incident: Callable[[str], Path], tmp_path: Path
) -> None:
    other = {"certificate-authority-data": encoded(trustme.CA().cert_pem)}
    with serve_case(incident("crashloop"), tls=True) as server:
        source = open_live(server, tmp_path, **other)
        with pytest.raises(errors.TlsFailed, match=r"is not trusted: .*(issuer|self-signed)") as caught:
            source.raw("version")
    assert caught.value.exit_status == 3
    assert server.count() == 0 == source.coverage.requests


def test_a_certificate_for_another_name_is_not_trusted_unless_the_kubeconfig_names_it(
    incident: Callable[[str], Path], tmp_path: Path
) -> None:
    with serve_case(incident("crashloop"), tls=True, tls_names=["api.shop.test"]) as server:
        with pytest.raises(errors.TlsFailed, match="issued for another name"):
            open_live(server, tmp_path).raw("version")
        with pytest.raises(errors.TlsFailed, match="issued for another name"):
            open_live(server, tmp_path, **{"tls-server-name": "api.other.test"}).raw("version")
        assert open_live(server, tmp_path, **{"tls-server-name": "api.shop.test"}).raw("version")


def test_verification_is_skipped_only_where_the_kubeconfig_says_so(
    incident: Callable[[str], Path], tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    with serve_case(incident("crashloop"), tls=True, tls_names=["api.shop.test"]) as server:
        assert open_live(server, tmp_path, **{"insecure-skip-tls-verify": True}).raw("version")
    assert not [one for one in recwarn if "Unverified" in str(one.message)]


def test_a_server_that_speaks_plain_http_is_said_to(incident: Callable[[str], Path], tmp_path: Path) -> None:
    with serve_case(incident("crashloop")) as server:
        source = open_live(server, tmp_path, server=f"https://127.0.0.1:{server.port}")
        with pytest.raises(errors.TlsFailed, match="does not speak TLS"):
            source.raw("version")


def test_a_client_certificate_gets_in_and_leaves_no_key_on_the_disk(
    incident: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    authority = trustme.CA()
    with serve_case(incident("crashloop"), tls=True, client_ca=authority) as server:
        for _ in range(2):
            source = open_live(server, tmp_path, user=client_user(authority))
            assert list(scratch.iterdir()) == []
            assert source.raw("version")


def test_a_client_certificate_of_an_unknown_authority_is_turned_down(
    incident: Callable[[str], Path], tmp_path: Path
) -> None:
    with serve_case(incident("crashloop"), tls=True, client_ca=trustme.CA()) as server:
        source = open_live(server, tmp_path, user=client_user(trustme.CA()), limits=FAST)
        with pytest.raises(errors.ClusterError, match=TURNED_DOWN):
            source.raw("version")


def test_no_client_certificate_where_one_is_asked_for_is_said(
    incident: Callable[[str], Path], tmp_path: Path
) -> None:
    with serve_case(incident("crashloop"), tls=True, client_ca=trustme.CA()) as server:
        source = open_live(server, tmp_path)
        with pytest.raises(errors.ClusterError, match=TURNED_DOWN):
            source.raw("version")


@pytest.mark.parametrize("answered", ["by TLS", "with 401"])
def test_an_expired_client_certificate_is_named_with_its_date(
    answered: str, incident: Callable[[str], Path], tmp_path: Path
) -> None:
    authority = trustme.CA()
    user = client_user(authority, expires=datetime(2024, 5, 6, 7, 8, tzinfo=UTC))
    faults = [Fault(".", status=401)] if answered == "with 401" else []
    options = {"client_ca": authority} if answered == "by TLS" else {}
    with serve_case(
        incident("crashloop"), tls=True, faults=faults, now=datetime.now(UTC), **options
    ) as server:
        source = open_live(server, tmp_path, user=user)
        with pytest.raises(errors.CredentialsFailed, match="'test' expired on 2024-05-06 at 07:08 UTC"):
            source.raw("version")


def test_a_key_that_belongs_to_another_certificate_is_a_kubeconfig_error(
    incident: Callable[[str], Path], tmp_path: Path
) -> None:
    authority = trustme.CA()
    mixed = client_user(authority) | {"client-key-data": client_user(authority)["client-key-data"]}
    with (
        serve_case(incident("crashloop"), tls=True) as server,
        pytest.raises(errors.KubeconfigError, match="cannot be used together"),
    ):
        open_live(server, tmp_path, user=mixed)


def test_the_end_of_a_certificate_is_read_from_it(tmp_path: Path) -> None:
    for end in (datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC), datetime(2055, 1, 1, tzinfo=UTC)):
        made = trustme.CA().issue_cert("x", not_after=end)
        path = tmp_path / "cert.pem"
        path.write_bytes(made.cert_chain_pems[0].bytes())
        found = client_certificate(str(path))
        assert found is not None
        assert found.ends == end
    path.write_text("no certificate")
    assert client_certificate(str(path)) is None
    assert client_certificate(None) is None
    assert timedelta(0) == end - datetime(2055, 1, 1, tzinfo=UTC)
