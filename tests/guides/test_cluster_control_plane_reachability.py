"""Whether the API server answers, what it says of itself, and what stands before it. Made, not recorded."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from kuberunbooks import notebook
from kuberunbooks.findings import headline
from kuberunbooks.guides.rules.health_checks import checks, failed
from tests.support.api_server import Fault, serve_case
from tests.support.control_planes import ClusterCase, members, system_spaces
from tests.support.made_cases import NOW

ETCD = "[+]ping ok\n[-]etcd failed: reason withheld\n[+]poststarthook/x ok\nlivez check failed\n"
STORAGE = "[+]ping ok\n[-]poststarthook/storage-readiness failed: not finished\nreadyz check failed\n"
STARTING = "[+]ping ok\n[-]poststarthook/rbac/bootstrap-roles failed: not finished\nreadyz check failed\n"
ENDING = "[+]ping ok\n[-]shutdown failed: reason withheld\nreadyz check failed\n"
INFORMERS = "[+]ping ok\n[-]informer-sync failed: reason withheld\nreadyz check failed\n"


@pytest.fixture
def cluster(tmp_path: Path) -> ClusterCase:
    return ClusterCase(tmp_path / "case")


def healthy() -> list[dict[str, Any]]:
    return [*system_spaces(), *members("w-1", "w-2")]


def refused(path: str, text: str) -> dict[str, Any]:
    return {path: "", "files": {f"errors/{path}.500.json": text}}


def test_a_server_that_passes_its_checks_is_well(cluster: ClusterCase) -> None:
    found = cluster.run(healthy())
    assert found.one("ApiServerHealthy").severity == "ok"
    assert found.serious() == set()


def test_a_failing_etcd_check_is_the_headline_with_its_line_quoted(cluster: ClusterCase) -> None:
    found = cluster.run(healthy(), **refused("livez", ETCD))
    assert found.headline.code == "EtcdUnhealthy"
    assert found.headline.evidence[0].value == "[-]etcd failed: reason withheld"
    assert "FailureModeEtcdLost" in found.codes()
    assert "FailureModeApiServerDown" not in found.codes()
    assert "snapshots" in found.one("MitigationsAdvice").summary


def test_storage_that_is_not_ready_is_etcd_too_where_readyz_has_no_line_for_etcd(
    cluster: ClusterCase,
) -> None:
    found = cluster.run(healthy(), **refused("readyz", STORAGE))
    assert found.headline.code == "EtcdUnhealthy"


def test_a_server_that_is_not_ready_says_which_check_fails(cluster: ClusterCase) -> None:
    found = cluster.run(healthy(), **refused("readyz", INFORMERS))
    assert found.headline.code == "ApiServerNotReady"
    assert "informer-sync" in found.headline.summary
    assert "FailureModeApiServerDown" in found.codes()


@pytest.mark.parametrize(("text", "severity"), [(STARTING, "warning"), (ENDING, "info")])
def test_a_server_that_starts_or_ends_is_no_emergency(text: str, severity: str, cluster: ClusterCase) -> None:
    found = cluster.run(healthy(), **refused("readyz", text))
    assert found.one("ApiServerNotReady").severity == severity
    assert "FailureModeApiServerDown" not in found.codes()


def test_a_case_without_the_answer_claims_nothing(cluster: ClusterCase) -> None:
    found = cluster.run(healthy(), readyz="", livez="")
    assert found.steps["CL-00"].status == "skipped"
    assert found.serious() == set()
    assert "ApiServerHealthy" not in found.codes()


def test_excluded_checks_and_other_texts_are_no_failures() -> None:
    assert failed(checks("[+]etcd excluded: ok\nreadyz check passed\n")) == []
    assert checks("ok") == []
    assert checks("<html>[-]x</html>") == []
    assert len(checks("[-]a failed: b\n" * 9999)) == 500


class Live:
    """The guide against a server that is in some trouble."""

    def __init__(self, folder: Path, config: Path) -> None:
        self.folder, self.config = folder, config

    def run(
        self, *faults: Fault, gone: bool = False, user: dict[str, Any] | None = None, **options: Any
    ) -> Any:
        with serve_case(self.folder, faults=faults, **options) as server:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("KUBECONFIG", str(server.kubeconfig(self.config, user=user)))
                if gone:
                    server.stop()
                session = notebook.open("cluster", namespace="default")
            for name in session.step_names:
                getattr(session, name)()
            self.requests = len(server.requests)
        self.steps = {one.id: one for one in session.steps}
        return session, [one for step in session.steps for one in step.findings]


@pytest.fixture
def live(incident: Callable[[str], Path], tmp_path: Path) -> Live:
    return Live(incident("healthy"), tmp_path / "config")


def test_a_server_that_is_gone_is_found_and_asked_nothing_more(live: Live) -> None:
    session, found = live.run(gone=True)
    assert session.start.failure is None
    top = headline(found)
    assert top is not None
    assert (top.code, top.severity, top.facts["trouble"]) == (
        "ApiServerUnreachable",
        "critical",
        "connection",
    )
    assert "refused the connection" in top.summary
    assert "FailureModeApiServerDown" in {one.code for one in found}
    assert {step.status for id_, step in live.steps.items() if "CL-01" <= id_ <= "CL-11"} == {"skipped"}


def test_an_error_page_before_the_server_is_told_from_its_own_answer(live: Live) -> None:
    _, found = live.run(Fault(r".", status=503, body=b"<html>no backend</html>", type="text/html"))
    top = headline(found)
    assert top is not None
    assert (top.code, top.facts["trouble"]) == ("ApiServerUnreachable", "gateway")


def test_what_stands_between_us_and_the_server_is_no_fault_of_the_cluster(live: Live) -> None:
    _, found = live.run(token="right", user={"token": "wrong"})
    top = headline(found)
    assert top is not None
    assert (top.severity, top.facts["trouble"]) == ("warning", "credentials")
    assert "may be well" in top.summary
    assert "kubectl auth whoami" in [one.command for one in top.next]
    assert "FailureModeApiServerDown" not in {one.code for one in found}


def test_a_failing_health_check_reads_the_same_live_as_from_a_case(live: Live) -> None:
    _, found = live.run(Fault(r"^/livez", status=500, body=ETCD.encode(), type="text/plain"))
    top = headline(found)
    assert top is not None
    assert (top.code, top.facts["checks"]) == ("EtcdUnhealthy", ["etcd"])


def _manifest(cluster: ClusterCase, begins: int, ends: int) -> dict[str, Any]:
    from_, until = (f"{NOW + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}" for days in (begins, ends))
    recorded = f"{NOW:%Y-%m-%dT%H:%M:%SZ}"
    fields = {"recorded_at": recorded, "certificate_begins": from_, "certificate_ends": until}
    text = json.dumps({"format": 1, **fields})
    return {"manifest.json": text}


def test_a_client_certificate_near_its_end_is_a_warning(cluster: ClusterCase) -> None:
    found = cluster.run(healthy(), files=_manifest(cluster, -355, 10))
    one = found.one("ClientCertificateExpiring")
    assert one.severity == "warning"
    assert "10 days" in one.summary


@pytest.mark.parametrize(("begins", "ends"), [(-1, 364), (-80, 10), (0, 1)])
def test_certificates_that_are_renewed_in_time_are_not(begins: int, ends: int, cluster: ClusterCase) -> None:
    # A fresh one, one of 90 days that is due in a day, and one of a day as a login gives it.
    found = cluster.run(healthy(), files=_manifest(cluster, begins, ends))
    assert "ClientCertificateExpiring" not in found.codes()


def test_the_certificate_of_a_live_run_is_known(live: Live) -> None:
    authority = trustme.CA()
    made = authority.issue_cert(
        "jane", not_before=NOW - timedelta(days=300), not_after=NOW + timedelta(days=5)
    )
    user = {
        "client-certificate-data": base64.b64encode(made.cert_chain_pems[0].bytes()).decode(),
        "client-key-data": base64.b64encode(made.private_key_pem.bytes()).decode(),
    }
    session, _ = live.run(user=user, tls=True, client_ca=authority)
    assert session.start.source.certificate_ends == NOW + timedelta(days=5)
