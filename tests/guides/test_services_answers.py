"""What curl was told in the cluster: the Service's address, the pods directly, and the picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks import notebook
from kuberunbooks.cluster import Transcript, TranscriptTarget
from kuberunbooks.guides.rules.curl_output import read_curl
from tests.guides.test_services_definition import asked, heard, right, run, web
from tests.support.made_cases import make_case
from tests.support.services import endpoint

__all__ = ["heard"]

Examine = Callable[..., Any]
VIP = "http://10.96.0.10:80/"
POD = "http://10.0.0.1:80/"


def test_a_service_that_answers_every_time_is_good(examine: Examine, heard: Callable[..., str]) -> None:
    found = run(examine, right(), transcripts=heard(asked(VIP, 0, status="200"), asked(VIP, 0, status="404")))
    assert found.one("ServiceIpOk").facts["tries"] == 2
    assert not found.serious()


def test_a_service_that_answers_sometimes_is_a_warning(examine: Examine, heard: Callable[..., str]) -> None:
    found = run(examine, right(), transcripts=heard(asked(VIP, 0, status="200"), asked(VIP, 7)))
    assert found.headline.code == "ServiceIpPartial"


def test_everything_right_and_no_answer_is_said_to_be_unexplained(
    examine: Examine, heard: Callable[..., str]
) -> None:
    found = run(examine, right(), transcripts=heard(asked(VIP, 28)))
    assert found.headline.code == "ServiceIpFailed"
    assert "dropped" in found.headline.summary
    assert "DNS" in found.one("ServiceUnexplained").summary


def test_a_failure_that_is_explained_is_not_called_unexplained(
    examine: Examine, heard: Callable[..., str]
) -> None:
    items = right()
    items[2]["endpoints"] = [endpoint("web-1", ready=False)]
    items[1] = web(ready=False)
    found = run(examine, items, transcripts=heard(asked(VIP, 7)))
    assert "ServiceUnexplained" not in found.codes()


def test_a_pod_asking_its_own_service_says_nothing_of_other_clients(
    examine: Examine, heard: Callable[..., str]
) -> None:
    found = run(examine, right(), transcripts=heard(asked(VIP, 28, by="web-1")))
    assert found.steps["SV-08"].status == "skipped"


def test_a_request_to_another_address_says_nothing(examine: Examine, heard: Callable[..., str]) -> None:
    found = run(
        examine,
        right(),
        transcripts=heard(asked("http://10.96.0.99:80/", 7), asked("http://10.96.0.10:81/", 7)),
    )
    assert found.steps["SV-08"].status == "skipped"


@pytest.mark.parametrize(
    ("code", "status", "verdict"),
    [
        (0, "200", "PodEndpointsOk"),
        (0, "404", "PodEndpointsOk"),
        (0, "503", "PodEndpointWrongResponse"),
        (7, "000", "PodEndpointUnreachable"),
        (28, "000", "PodEndpointUnreachable"),
    ],
)
def test_each_endpoint_is_judged_by_its_own_answer(
    examine: Examine, heard: Callable[..., str], code: int, status: str, verdict: str
) -> None:
    found = run(examine, right(), transcripts=heard(asked(POD, code, status=status)))
    assert verdict in found.codes()


def test_the_last_answer_counts(examine: Examine, heard: Callable[..., str]) -> None:
    found = run(examine, right(), transcripts=heard(asked(POD, 7), asked(POD, 0, status="200")))
    assert not found.serious()


def test_the_picture_marks_what_nobody_looked_at(examine: Examine) -> None:
    found = run(examine, right())
    (route,) = found.steps["SV-16"].exhibits
    assert [hop.label for hop in route.hops] == [
        "Client", "DNS", "Service", "Proxy", "Policies", "Slices", "Pods",
    ]  # fmt: skip
    states = {hop.label: hop.state for hop in route.hops}
    assert states["Client"] == states["Proxy"] == "unchecked"
    assert states["Service"] == states["Slices"] == states["Pods"] == "ok"


def test_hostile_names_in_transcripts_do_no_harm(examine: Examine, heard: Callable[..., str]) -> None:
    evil = asked("http://<script>alert(1)</script>:80/", 7, by="x; rm -rf /")
    found = run(
        examine, right(), transcripts=heard(evil, asked("http://[::1", 7), {"target": {}, "argv": []})
    )
    assert not found.serious()
    html = found.session.summary()._repr_mimebundle_()["text/html"]
    assert "<script>alert" not in html


@pytest.mark.parametrize("text", ["no json", '{"argv": 3}', "[1, 2]"])
def test_a_file_that_holds_no_transcripts_is_said_before_anything_runs(tmp_path: Path, text: str) -> None:
    case, file = make_case(tmp_path / "case", right()), tmp_path / "bad.json"
    file.write_text(text)
    session = notebook.open(
        "services", case=str(case), namespace="shop", target="service/web", transcripts=str(file)
    )
    assert session.start.failure is not None
    assert "bad.json is no transcript" in session.start.failure.sentence


@pytest.mark.parametrize(("client", "port"), [("Client!", 0), ("a/b/c/d", 0), ("", 70000), ("", "http")])
def test_a_client_that_is_none_is_said_before_anything_runs(tmp_path: Path, client: str, port: Any) -> None:
    case = make_case(tmp_path / "case", right())
    session = notebook.open(
        "services", case=str(case), namespace="shop", target="service/web", client=client, client_port=port
    )
    assert session.start.failure is not None
    assert session.start.failure.error == "BadParameter"


@pytest.mark.parametrize(
    ("argv", "stdout", "stderr", "code", "outcome"),
    [
        (["curl", "http://a:80/"], "200 10.0.0.1\n", "", 0, "answered"),
        (["/usr/bin/curl", "https://a/"], "000\n", "curl: (60) SSL certificate problem", 60, "broken"),
        (
            ["curl", "http://a/"],
            "",
            "curl: (6) Could not resolve host: a\ncommand terminated",
            1,
            "unresolved",
        ),
        (["curl", "http://a/"], "", "", None, "unclear"),
        (["curl", "http://a/"], "000\n", "", 0, "unclear"),
        (["curl", "http://a/"], "", "sh: curl: not found", 127, "unclear"),
    ],
)
def test_what_curl_was_told(
    argv: list[str], stdout: str, stderr: str, code: int | None, outcome: str
) -> None:
    one = Transcript(
        target=TranscriptTarget(pod="c"), argv=argv, stdout=stdout, stderr=stderr, exit_code=code
    )
    answer = read_curl(one)
    assert answer is not None
    assert answer.outcome == outcome


@pytest.mark.parametrize("argv", [["wget", "http://a/"], ["curl"], ["curl", "http://a/", "http://b/"], []])
def test_what_is_no_single_request_is_left_alone(argv: list[str]) -> None:
    assert read_curl(Transcript(argv=argv, exit_code=0)) is None
