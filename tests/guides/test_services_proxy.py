"""The services guide about kube-proxy itself, a node's own requests, and a pod's way back to itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks import notebook
from kuberunbooks.guides.rules.hairpin_state import (
    doubt,
    read_bridge_plugin,
    read_ports,
    read_promiscuous,
    tries_needed,
)
from kuberunbooks.guides.rules.proxy_metrics import read_health, read_mode, read_syncs
from tests.guides.test_services_definition import asked, heard
from tests.guides.test_services_proxy_rules import run, two
from tests.support.made_cases import NOW, ago, make_case, node, pod, running, workload
from tests.support.proxy_dumps import iptables, ipvs, metrics, on_node

__all__ = ["heard"]

Examine = Callable[..., Any]
Heard = Callable[..., str]
VIP = "http://10.96.0.10:80/"
PLACE = "kube-system"
CURL = ("curl", "-sS", "-m", "3")
HEALTHY = '{"lastUpdated":"x","currentTime":"x","nodeEligible":true,"healthy":true,"status":{}}'
SICK = HEALTHY.replace('"healthy":true', '"healthy":false')


def proxy_pod(on: str = "n1", **more: Any) -> dict[str, Any]:
    """kube-proxy's pod on a node."""
    name = f"kube-proxy-{on}"
    more.setdefault("containers", [running("kube-proxy", ready=more.get("ready", True))])
    return pod(name, PLACE, on=on, labels={"app": "kube-proxy"}, **more)


def daemon_set(name: str = "kube-proxy", *, nodes: int = 2, **spec: Any) -> dict[str, Any]:
    """A DaemonSet of kube-system that wants pods on so many nodes."""
    made = workload("DaemonSet", name, PLACE)
    made["status"] = {"desiredNumberScheduled": nodes, "updatedNumberScheduled": nodes, "numberReady": nodes}
    made["spec"]["template"]["spec"] |= {"tolerations": [{"operator": "Exists"}], **spec}
    return made


def config_map(name: str, **data: str) -> dict[str, Any]:
    """A ConfigMap of kube-system; a key's `_` stands for a dot or dash as KEYS says."""
    keys = {
        "config_conf": "config.conf",
        "replacement": "kube-proxy-replacement",
        "antrea": "antrea-agent.conf",
    }
    return {
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "metadata": {"name": name, "namespace": PLACE, "creationTimestamp": ago(7200)},
        "data": {keys[key]: value for key, value in data.items()},
    }


def log_of(case: Path, on: str, *lines: str) -> None:
    """Writes the log of kube-proxy on a node into a case."""
    path = case / "logs" / PLACE / f"kube-proxy-{on}" / "kube-proxy.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))


def klog(seconds: float, message: str, severity: str = "E") -> str:
    """A line of a log, with the time the kubelet adds."""
    at = NOW - timedelta(seconds=seconds)
    own = f"{severity}{at:%m%d %H:%M:%S}.000000       1 reflector.go:150] {message}"
    return f"{at:%Y-%m-%dT%H:%M:%S}.000000000Z {own}"


REFUSED = (
    'Failed to watch *v1.Service: failed to list *v1.Service: Get "https://10.0.0.100:6443/api/v1/services": '
    "dial tcp 10.0.0.100:6443: connect: connection refused"
)


# --- does it run


def test_a_ready_pod_on_every_node_that_matters_is_healthy(examine: Examine) -> None:
    found = run(examine, [*two(on="n2"), daemon_set(), proxy_pod(), proxy_pod("n2")])
    assert set(found.one("KubeProxyHealthy").facts["nodes"]) == {"n1", "n2"}
    assert not {code for code in found.serious() if "Proxy" in code}


def test_a_node_of_an_endpoint_without_a_ready_kube_proxy_is_critical(examine: Examine) -> None:
    found = run(examine, [*two(on="n2"), daemon_set(), proxy_pod()])
    assert found.headline.code == "KubeProxyMissingOnNode"
    assert "n2" in found.headline.summary
    found = run(examine, [*two(on="n2"), daemon_set(), proxy_pod(), proxy_pod("n2", ready=False)])
    assert found.headline.code == "KubeProxyMissingOnNode"
    assert "kube-proxy-n2" in found.headline.summary


def test_the_clients_node_counts_too(examine: Examine) -> None:
    items = [*two(), node("n3"), pod("client", on="n3"), daemon_set(nodes=3), proxy_pod(), proxy_pod("n2")]
    found = run(examine, items, client="pod/client")
    assert found.headline.code == "KubeProxyMissingOnNode"
    assert "client runs there" in found.headline.summary
    assert "KubeProxyMissingOnNode" not in run(examine, items).codes()


@pytest.mark.parametrize(
    "why", ["lost", "windows", "not wanted", "updating", "starting", "leaving", "new node"]
)
def test_a_node_that_need_not_have_one_now_is_no_alarm(examine: Examine, why: str) -> None:
    items, second, maker, extra = two(on="n2"), node("n2"), daemon_set(), []
    if why == "lost":
        second = node("n2", ready="Unknown")
    elif why == "windows":
        second["status"]["nodeInfo"] = {"operatingSystem": "windows"}
    elif why == "not wanted":
        maker = daemon_set(nodeSelector={"proxy": "yes"})
    elif why == "updating":
        maker["status"]["updatedNumberScheduled"] = 1
    elif why == "starting":
        extra = [proxy_pod("n2", ready=False, creationTimestamp=ago(20))]
    elif why == "leaving":
        extra = [proxy_pod("n2", ready=False, deletionTimestamp=ago(-20))]
    else:
        second["metadata"]["creationTimestamp"] = ago(30)
    items = [one for one in items if one["metadata"]["name"] != "n2"]
    found = run(examine, [*items, second, maker, proxy_pod(), *extra])
    assert "KubeProxyMissingOnNode" not in found.codes()


def test_healthz_tells_where_no_pods_do(examine: Examine, heard: Heard) -> None:
    told = heard(on_node(HEALTHY, "curl", "-sS", "http://127.0.0.1:10256/healthz"))
    found = run(examine, [*two(), config_map("other")], transcripts=told)
    assert found.one("KubeProxyHealthy").facts["by"] == "healthz"
    assert "KubeProxyNotDetected" not in found.codes()


def test_without_a_node_in_question_nothing_is_said_to_be_well(examine: Examine) -> None:
    items = [one for one in two() if one["kind"] != "Pod"]
    items[1]["endpoints"] = None
    found = run(examine, [*items, daemon_set(), proxy_pod(ready=False)])
    assert found.steps["SV-12"].status == "skipped"
    assert not {"KubeProxyHealthy", "KubeProxyMissingOnNode", "KubeProxyNotDetected"} & found.codes()


def test_kube_system_that_was_not_read_proves_nothing(examine: Examine) -> None:
    found = run(examine, two())
    assert found.steps["SV-12"].status == "skipped"
    assert "KubeProxyNotDetected" not in found.codes()


def test_no_kube_proxy_at_all_is_said_and_is_a_warning_when_nothing_answers(
    examine: Examine, heard: Heard
) -> None:
    items = [*two(), daemon_set("node-exporter")]
    assert run(examine, items).one("KubeProxyNotDetected").severity == "info"
    found = run(examine, items, transcripts=heard(asked(VIP, 28)))
    assert found.one("KubeProxyNotDetected").severity == "warning"


@pytest.mark.parametrize(
    ("items", "name"),
    [
        ([daemon_set("cilium"), config_map("cilium-config", replacement="true")], "Cilium"),
        ([daemon_set("kube-router")], "kube-router"),
        (
            [
                daemon_set("antrea-agent"),
                config_map("antrea-config", antrea="antreaProxy:\n  proxyAll: true\n"),
            ],
            "Antrea",
        ),
    ],
)
def test_what_proxies_in_its_place_is_named(examine: Examine, items: list[dict[str, Any]], name: str) -> None:
    found = run(examine, [*two(), *items])
    assert name in found.one("KubeProxyReplaced").summary
    assert "KubeProxyNotDetected" not in found.codes()
    assert name in found.steps["SV-13"].verdict


def test_a_cilium_that_leaves_it_to_kube_proxy_is_no_replacement(examine: Examine) -> None:
    cilium = [daemon_set("cilium"), config_map("cilium-config", replacement="false")]
    found = run(examine, [*two(), *cilium, daemon_set(), proxy_pod(), proxy_pod("n2")])
    assert "KubeProxyReplaced" not in found.codes()
    assert "KubeProxyHealthy" in found.codes()


# --- in which mode


@pytest.mark.parametrize(
    ("text", "mode", "default"),
    [
        ("apiVersion: x\nmode: nftables\n", "nftables", False),
        ('mode: ""\n', "iptables", True),
        ("metricsBindAddress: x\n", "iptables", True),
    ],
)
def test_the_mode_stands_in_the_configuration(examine: Examine, text: str, mode: str, default: bool) -> None:
    found = run(examine, [*two(), daemon_set(), proxy_pod(), config_map("kube-proxy", config_conf=text)])
    told = found.one("KubeProxyModeFound")
    assert (told.facts["mode"], told.facts["is_default"]) == (mode, default)


def test_a_flag_and_an_answer_of_a_node_go_before_the_configuration(examine: Examine, heard: Heard) -> None:
    container = {"name": "app", "command": ["kube-proxy", "--proxy-mode", "ipvs"]}
    items = [
        *two(),
        daemon_set(containers=[container]),
        proxy_pod(),
        config_map("kube-proxy", config_conf=""),
    ]
    found = run(examine, items)
    assert found.one("KubeProxyModeFound").facts["mode"] == "ipvs"
    found = run(examine, items, transcripts=heard(on_node("nftables")))
    assert found.one("KubeProxyModeFound").facts["mode"] == "nftables"


def test_ipvs_is_deprecated_on_this_server_only_as_an_aside(examine: Examine, heard: Heard) -> None:
    found = run(examine, two(), transcripts=heard(on_node(ipvs(["10.0.0.1:80", "10.0.0.2:80"]))))
    assert found.headline.code == "KubeProxyIpvsDeprecated"
    found = run(examine, two(), transcripts=heard(on_node(ipvs([]))))
    assert found.headline.code == "ProxyRejectsService"
    found = run(examine, two(), transcripts=heard(on_node(iptables(["10.0.0.1:80", "10.0.0.2:80"]))))
    assert "KubeProxyIpvsDeprecated" not in found.codes()


# --- what its log says


def logged(tmp_path: Path, *lines: str, version: str = "v1.36.2") -> Any:
    """The step about kube-proxy on a case with this log."""
    case = make_case(tmp_path / "case", [*two(), daemon_set(), proxy_pod(), node()])
    (case / "version.json").write_text(json.dumps({"gitVersion": version}))
    log_of(case, "n1", *lines)
    session = notebook.open("services", case=str(case), namespace="shop", target="service/web")
    return session.kube_proxy().data


def test_a_log_that_says_the_api_server_is_out_of_reach_is_critical(tmp_path: Path) -> None:
    found = logged(tmp_path, klog(200, REFUSED), klog(100, REFUSED), klog(40, REFUSED))
    first = found.findings[0]
    assert first.code == "KubeProxyCannotReachApiserver"
    assert "connection refused" in first.summary
    assert first.subject.name == "n1"
    assert any(getattr(one, "lines", None) for one in found.exhibits)


@pytest.mark.parametrize(
    "lines",
    [
        [klog(40, REFUSED)],
        [klog(400, REFUSED), klog(380, REFUSED)],
        [klog(5000, REFUSED), klog(4000, REFUSED)],
        [klog(30, REFUSED, "I"), klog(20, REFUSED, "I")],
        [
            klog(
                30,
                '"Kube-proxy configuration may be incomplete or incorrect" err="nodePortAddresses is unset"',
            )
        ]
        * 3,
    ],
    ids=["once", "over", "history", "information", "start"],
)
def test_a_log_with_a_passing_or_harmless_line_is_not(tmp_path: Path, lines: list[str]) -> None:
    found = logged(tmp_path, *lines)
    assert not [one for one in found.findings if one.severity in ("critical", "warning")]


def test_a_missing_conntrack_matters_to_older_releases_only(tmp_path: Path) -> None:
    line = klog(3000, '"Failed to delete" err="looking for path of conntrack: executable file not found"')
    codes = [one.code for one in logged(tmp_path / "old", line, version="v1.31.4").findings]
    assert "KubeProxyConntrackMissing" in codes
    codes = [one.code for one in logged(tmp_path / "new", line).findings]
    assert "KubeProxyConntrackMissing" not in codes


def test_a_log_among_the_transcripts_is_read(examine: Examine, heard: Heard) -> None:
    lines = [klog(seconds, REFUSED).partition("Z ")[2] for seconds in (90, 60, 30)]
    told = heard(on_node("\n".join(lines), "journalctl", "-u", "kube-proxy"))
    found = run(examine, two(), transcripts=told)
    assert found.headline.code == "KubeProxyCannotReachApiserver"
    assert found.headline.subject.name == "n1"


# --- is it proxying


def test_a_nodes_request_that_is_answered_is_good(examine: Examine, heard: Heard) -> None:
    found = run(examine, two(), transcripts=heard(on_node("200\n", *CURL, VIP)))
    assert "n1" in found.one("ProxyingOk").summary


def test_a_nodes_request_that_fails_while_the_endpoints_answer_is_critical(
    examine: Examine, heard: Heard
) -> None:
    failed = on_node("000\n", *CURL, VIP, code=28, stderr="curl: (28) timed out")
    direct = asked("http://10.0.0.1:80/", 0, status="200")
    found = run(examine, two(), transcripts=heard(failed, direct))
    assert found.headline.code == "ProxyingFails"
    assert found.headline.severity == "critical"
    found = run(examine, two(), transcripts=heard(failed))
    assert found.one("ProxyingFails").severity == "warning"
    assert found.one("ProxyingFails").confidence == "likely"


def test_a_nodes_request_that_fails_for_another_reason_does_not_accuse_the_proxy(
    examine: Examine, heard: Heard
) -> None:
    failed = on_node("000\n", *CURL, VIP, code=7, stderr="curl: (7) Couldn't connect")
    found = run(examine, two(), transcripts=heard(failed, asked("http://10.0.0.1:80/", 7)))
    assert "ProxyingFails" not in found.codes()
    empty = [one for one in two() if one["kind"] != "Pod"]
    empty[1]["endpoints"] = None
    found = run(examine, empty, transcripts=heard(failed))
    assert "ProxyingFails" not in found.codes()


@pytest.mark.parametrize(
    ("queued", "written", "fires"),
    [(100, 400, True), (400, 399, False), (30, 60, False), (6, 36000, False), (-300, 400, True)],
    ids=["behind", "done", "short", "just begun", "clock"],
)
def test_a_change_that_waits_too_long_is_critical(
    examine: Examine, heard: Heard, queued: float, written: float, fires: bool
) -> None:
    told = heard(on_node(metrics(queued=queued, written=written)))
    found = run(examine, two(), transcripts=told)
    assert ("KubeProxyNotSyncing" in found.codes()) is fires
    if fires:
        assert "IPv4" in found.one("KubeProxyNotSyncing").summary


def test_a_kube_proxy_that_says_it_is_not_healthy_is_critical(examine: Examine, heard: Heard) -> None:
    found = run(examine, two(), transcripts=heard(on_node(SICK)))
    assert found.headline.code == "KubeProxyNotSyncing"
    assert "KubeProxyHealthy" not in found.codes()


def test_healthz_metrics_and_mode_are_known_by_their_content() -> None:
    leaving = HEALTHY.replace('"nodeEligible":true', '"nodeEligible":false') + "\n503"
    old = '{"lastUpdated":"x","currentTime":"x","nodeEligible":true}'
    texts = (HEALTHY, SICK, leaving, f"HTTP/1.1 503 Service Unavailable\n\n{old}", f"{old}\n200")
    health = [read_health(text) for text in texts]
    assert [one.healthy for one in health if one] == [True, False, None, False, True]
    for text in ("", "{}", '{"lastUpdated": 1}', '{"a": 1}', '"lastUpdated"', "}{"):
        assert read_health(text) is None
    assert read_mode("ipvs\n") == "ipvs"
    assert read_mode("ipvs is here") == ""
    assert read_syncs("up 1\n") == []
    plain = metrics(queued=10, written=20).replace('{ip_family="IPv4"}', "")
    assert [(one.family, round(one.lag)) for one in read_syncs(plain)] == [("", 10)]


# --- the way back to oneself


def own(number: int, code: int = 0, *, by: str = "web-1", status: str = "200") -> list[dict[str, Any]]:
    """So many requests of a pod to its own Service."""
    return [asked(VIP, code, by=by, status=status if code == 0 else "000") for _ in range(number)]


@pytest.mark.parametrize(("number", "sure"), [(6, False), (7, True)])
def test_requests_to_oneself_that_are_answered_prove_it_when_they_are_enough(
    examine: Examine, heard: Heard, number: int, sure: bool
) -> None:
    found = run(examine, two(), transcripts=heard(*own(number)))
    good = found.one("HairpinOk")
    assert good.facts["is_proof"] is sure
    assert (good.confidence == "confirmed") is sure
    if not sure:
        assert "2 %" in good.summary
        assert "7 requests" in good.summary


def test_one_answer_with_its_own_name_proves_it(examine: Examine, heard: Heard) -> None:
    found = run(examine, two(), transcripts=heard(*own(1, status="web-1\n200")))
    assert "answered itself" in found.one("HairpinOk").summary


def test_with_affinity_further_requests_prove_nothing_more(examine: Examine, heard: Heard) -> None:
    found = run(examine, two(sessionAffinity="ClientIP"), transcripts=heard(*own(20)))
    assert found.one("HairpinOk").facts["doubt"] == "50"
    assert "ClientIP" in found.one("HairpinOk").summary


def test_a_pod_that_misses_only_itself_is_critical(examine: Examine, heard: Heard) -> None:
    told = heard(*own(2), *own(2, 28), asked(VIP, 0, status="200"))
    found = run(examine, two(), transcripts=told)
    assert found.headline.code == "HairpinFails"
    assert "2 of 4 requests of pod web-1" in found.headline.summary


@pytest.mark.parametrize("others", [[], [asked(VIP, 28)], [asked(VIP, 0, status="200")]])
def test_a_pod_that_gets_no_answer_for_another_reason_is_not(
    examine: Examine, heard: Heard, others: list[dict[str, Any]]
) -> None:
    # All of eight requests lost, of which half should have gone to the other pod.
    found = run(examine, two(), transcripts=heard(*own(8, 28), *others))
    assert "HairpinFails" not in found.codes()


def test_without_the_answers_of_others_a_loss_is_not_laid_to_the_way_back(
    examine: Examine, heard: Heard
) -> None:
    found = run(examine, two(), transcripts=heard(*own(2), *own(2, 28)))
    assert not {"HairpinFails", "HairpinOk"} & found.codes()


def test_a_refusal_is_not_about_the_way_back(examine: Examine, heard: Heard) -> None:
    found = run(examine, two(), transcripts=heard(*own(2, 7), asked(VIP, 0, status="200")))
    assert not {"HairpinFails", "HairpinOk"} & found.codes()


PORTS = "/sys/class/net/cni0/brif/veth1 0\n/sys/class/net/cni0/brif/veth2 1\n"
LINK = "5: cni0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500\n    link/ether 5e:f1 promiscuity 0  allmulti 0\n"
PLUGIN = (
    '{"cniVersion":"0.4.0","name":"lab","plugins":[{"type":"bridge","bridge":"cni0"},{"type":"portmap"}]}'
)


def test_a_bridge_port_that_sends_nothing_back_is_why(examine: Examine, heard: Heard) -> None:
    lost = [*own(2), *own(2, 28), asked(VIP, 0, status="200")]
    told = heard(*lost, on_node(PORTS), on_node(LINK), on_node(PLUGIN))
    found = run(examine, two(), transcripts=told)
    assert found.headline.code == "HairpinPortOff"
    assert "1 of 2 ports of bridge cni0" in found.headline.summary
    assert "HairpinFails" in found.codes()
    promiscuous = LINK.replace("promiscuity 0", "promiscuity 1")
    found = run(examine, two(), transcripts=heard(*lost, on_node(PORTS), on_node(promiscuous)))
    assert found.headline.code == "HairpinFails"
    found = run(examine, two(), transcripts=heard(*own(7), on_node(PORTS), on_node(LINK)))
    assert "HairpinPortOff" not in found.codes()


def test_the_kubelets_setting_is_told_where_it_was_recorded(tmp_path: Path) -> None:
    for mode, codes in (("none", {"HairpinModeNone", "HairpinFlagIneffective"}), ("hairpin-veth", set())):
        first = node()
        first["status"]["nodeInfo"] = {"kubeletVersion": "v1.36.2"}
        items = [one for one in two() if one["metadata"]["name"] != "n1"]
        case = make_case(tmp_path / mode, [*items, first])
        configz = case / "raw" / "nodes" / "n1" / "configz.json"
        configz.parent.mkdir(parents=True)
        configz.write_text(json.dumps({"kubeletconfig": {"hairpinMode": mode}}))
        session = notebook.open("services", case=str(case), namespace="shop", target="service/web")
        assert {one.code for one in session.hairpin().data.findings} == codes


def test_the_state_of_a_bridge_is_read() -> None:
    assert [one.is_on for one in read_ports(PORTS)] == [False, True]
    assert [one.name for one in read_ports("/sys/class/net/cni0/brif/veth1/hairpin_mode:1\n")] == ["veth1"]
    assert read_promiscuous(LINK) == {"cni0": False}
    assert read_promiscuous("5: cni0: <BROADCAST,PROMISC,UP> mtu 1500\n") == {"cni0": True}
    assert read_promiscuous("5: cni0: <BROADCAST,UP> mtu 1500\n") == {}, "without -d ip does not tell"
    assert read_bridge_plugin(PLUGIN) == ("cni0", None)
    assert read_bridge_plugin(PLUGIN.replace('"cni0"', '"cni0","hairpinMode":true')) == ("cni0", True)
    assert read_bridge_plugin('{"plugins":[{"type":"calico"}]}') is None


def test_how_many_tries_prove_it() -> None:
    assert [tries_needed(number) for number in (1, 2, 3, 10)] == [1, 7, 12, 44]
    assert doubt(1, 1) == 0
    assert round(doubt(3, 6), 3) == 0.088
    for number in (2, 3, 10):
        assert doubt(number, tries_needed(number)) <= 0.01 < doubt(number, tries_needed(number) - 1)


@pytest.mark.parametrize(("name", "mode"), [("services", "iptables"), ("services-nftables", "nftables")])
def test_the_recorded_nodes_are_well(name: str, mode: str, diagnose: Callable[..., Any]) -> None:
    found = diagnose(name, "service/hostnames", namespace="services", guide="services")
    assert found.one("KubeProxyModeFound").facts["mode"] == mode
    assert found.one("KubeProxyHealthy").facts["by"] == "healthz"
    assert "9 %" in found.one("HairpinOk").summary
    assert ("ProxyingOk" in found.codes()) is (name == "services")
    for id_ in ("SV-12", "SV-13", "SV-14", "SV-15"):
        assert found.steps[id_].status in ("ok", "info")


def test_other_incidents_claim_nothing_about_kube_proxy(diagnose: Callable[..., Any]) -> None:
    found = diagnose("healthy", "", namespace="healthy", guide="services")
    assert not {code for code in found.codes() if code.startswith(("KubeProxy", "Proxy", "Hairpin"))}
    assert found.steps["SV-12"].status == "skipped"
