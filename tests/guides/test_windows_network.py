"""Networks of Windows nodes and pods, by what was run there: each rule both ways, on made output."""

# ruff: noqa: E501 - one text a line reads better than wrapped ones
from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks.findings import without_explained
from tests.support.containers import write_log
from tests.support.made_cases import ago, running
from tests.support.made_dns import write_transcripts
from tests.support.made_windows import (
    ADAPTERS_TABLE,
    IPCONFIG,
    NETWORKS_JSON,
    NETWORKS_LIST,
    NO_VIRTUAL_TABLE,
    PING_LOST,
    check_texts,
    cni_conf,
    connection,
    endpoints_json,
    healthy_windows,
    kubeadm,
    linux_node,
    sandbox_event,
    stuck,
    transcript,
    windows_node,
    windows_pod,
)

Run = Callable[..., Any]
Hear = Callable[..., Any]
GUIDE = "windows-networking"


@pytest.fixture
def examine(examine: Run) -> Run:
    """As elsewhere, with a look at every text."""
    return lambda *items, **options: check_texts(examine(*items, **options))


PODS, SERVICES, HOSTS = "10.244.0.0/16", "10.96.0.0/12", "10.127.130.0/24"


@pytest.fixture
def hear(examine: Run, tmp_path: Path) -> Hear:
    """`hear(transcript(...), items=...)`: the guide on a mixed cluster with these transcripts."""

    def run(*heard: dict[str, Any], items: Any = None, target: str = "", **options: Any) -> Any:
        given = write_transcripts(tmp_path, list(heard))
        return examine(items or healthy_windows(), target, guide=GUIDE, transcripts=given, **options)

    return run


def cni(*exceptions: str, **more: Any) -> dict[str, Any]:
    return transcript("Get-Content cni.conf", cni_conf(*exceptions, **more), node="win-1")


# -- a pod's network --


def test_a_pod_that_reaches_nothing_not_even_its_neighbour_has_no_network(hear: Hear) -> None:
    found = hear(
        transcript(
            "Test-NetConnection 10.244.4.8 -Port 80",
            connection("10.244.4.8", 80, succeeded=False),
            pod="iis-1",
        ),
        transcript(
            "Test-NetConnection 10.96.0.1 -Port 443",
            connection("10.96.0.1", 443, succeeded=False),
            pod="iis-1",
        ),
    )
    assert found.headline.code == "WindowsPodNoNetwork"
    assert "10.244.4.8:80" in found.headline.summary
    assert any("MacAddressSpoofing" in step.command for step in found.headline.next)


def test_spoofing_that_is_off_is_named_with_it_and_alone_only_a_remark(hear: Hear) -> None:
    off = transcript(
        "Get-VMNetworkAdapter",
        "VMName Name            MacAddressSpoofing\n------ ----            ------------------\nwin-1  Network Adapter Off\n",
    )
    tests = [
        transcript(f"Test-NetConnection {host}", connection(host, 80, succeeded=False), pod="iis-1")
        for host in ("10.244.4.8", "203.0.113.7")
    ]
    loud = hear(off, *tests)
    assert "MAC address spoofing is off" in loud.headline.summary
    assert "WindowsMacSpoofingOff" not in loud.codes()
    quiet = hear(off)
    assert quiet.serious() == set()
    assert quiet.one("WindowsMacSpoofingOff").facts["machines"] == ["win-1"]


def test_one_failed_address_or_no_neighbour_proves_nothing(hear: Hear) -> None:
    far = [
        transcript(f"Test-NetConnection {host}", connection(host, 80, succeeded=False), pod="iis-1")
        for host in ("203.0.113.7", "203.0.113.8")
    ]
    assert hear(*far).headline.code == "WindowsPodTestsFail"
    near = transcript("Test-NetConnection", connection("10.244.4.8", 80, succeeded=False), pod="iis-1")
    assert "WindowsPodNoNetwork" not in hear(near).codes()


@pytest.mark.parametrize(
    ("command", "printed"),
    [
        ("curl.exe -sS -m 5 http://10.244.4.8/", "<html>IIS</html>"),
        (
            "curl.exe -sS -m 5 http://10.244.4.8/",
            "curl: (7) Failed to connect to 10.244.4.8 port 80: Connection refused",
        ),
        ("Test-NetConnection 10.244.4.8 -Port 80", connection("10.244.4.8", 80, succeeded=True)),
    ],
)
def test_any_answer_shows_a_network(command: str, printed: str, hear: Hear) -> None:
    failed = transcript("Test-NetConnection", connection("203.0.113.7", 80, succeeded=False), pod="iis-1")
    found = hear(failed, transcript(command, printed, pod="iis-1"))
    assert found.serious() == set()
    assert "203.0.113.7:80" in found.one("WindowsPodReaches").summary


def test_tests_of_a_pod_that_is_not_ours_are_let_be(hear: Hear) -> None:
    found = hear(transcript("Test-NetConnection", connection("10.244.4.8", 80, succeeded=False), pod="web-1"))
    assert "WindowsPodUntested" in found.codes()


# -- the way out --


def test_ping_alone_is_said_to_prove_nothing(hear: Hear) -> None:
    found = hear(transcript("ping 203.0.113.7", PING_LOST, pod="iis-1"))
    assert found.serious() == set()
    one = found.one("WindowsIcmpUnsupported")
    assert "TCP was not tried" in one.summary
    assert any("http://203.0.113.7/" in step.command for step in one.next)


def test_ping_beside_a_working_tcp_is_explained(hear: Hear) -> None:
    tcp = transcript("Test-NetConnection", connection("203.0.113.7", 443, succeeded=True), pod="iis-1")
    found = hear(transcript("ping 203.0.113.7", PING_LOST, pod="iis-1"), tcp)
    assert "TCP to the same address works" in found.one("WindowsIcmpUnsupported").summary


def test_ping_to_a_pod_or_beside_a_failing_tcp_is_not_excused(hear: Hear) -> None:
    inside = PING_LOST.replace("203.0.113.7", "10.244.4.8")
    assert "WindowsIcmpUnsupported" not in hear(transcript("ping", inside, pod="iis-1")).codes()
    tcp = transcript("Test-NetConnection", connection("203.0.113.7", 443, succeeded=False), pod="iis-1")
    assert "WindowsIcmpUnsupported" not in hear(transcript("ping", PING_LOST, pod="iis-1"), tcp).codes()


def test_a_list_that_fits_is_ok(hear: Hear) -> None:
    found = hear(cni(PODS, SERVICES, HOSTS), external="203.0.113.7")
    assert found.serious() == set()
    assert "203.0.113.7 is not in it" in found.one("ExceptionListOk").summary


def test_halves_that_make_up_a_range_cover_it(hear: Hear) -> None:
    found = hear(cni("10.244.0.0/17", "10.244.128.0/17", "10.96.0.0/12", HOSTS))
    assert "ExceptionListOk" in found.codes()


def test_comments_as_in_the_upstream_sample_are_let_pass(hear: Hear) -> None:
    text = cni_conf(PODS, SERVICES, HOSTS).replace(f'"{PODS}",', f'"{PODS}", # Cluster subnet')
    assert "#" in text
    assert "ExceptionListOk" in hear(transcript("type cni.conf", text, node="win-1")).codes()


@pytest.mark.parametrize(
    ("exceptions", "lacking", "severity"),
    [
        ((SERVICES, HOSTS), {"pods": [PODS]}, "critical"),
        ((PODS, HOSTS), {"services": [SERVICES]}, "critical"),
        ((PODS, SERVICES), {"nodes": ["10.127.130.11/32", "10.127.130.21/32"]}, "warning"),
        ((PODS, "10.96.0.0/16", HOSTS), {"services": [SERVICES]}, "critical"),
        (
            (),
            {"pods": [PODS], "services": [SERVICES], "nodes": ["10.127.130.11/32", "10.127.130.21/32"]},
            "critical",
        ),
    ],
)
def test_what_the_list_lacks_is_named(exceptions: Any, lacking: Any, severity: str, hear: Hear) -> None:
    one = hear(cni(*exceptions)).headline
    assert one.code == "ExceptionListIncomplete"
    assert one.facts["missing"] == lacking
    assert one.severity == severity
    assert all(entry in one.summary for each in lacking.values() for entry in each)


def test_the_hosts_subnet_is_taken_from_ipconfig_where_it_was_heard(hear: Hear) -> None:
    found = hear(cni(PODS, SERVICES), transcript("ipconfig /all", IPCONFIG, node="win-1"))
    assert found.one("ExceptionListIncomplete").facts["missing"] == {"nodes": [HOSTS]}


@pytest.mark.parametrize("plugin", ["sdnoverlay", "win-overlay"])
def test_on_an_overlay_the_nodes_need_not_be_in_the_list(plugin: str, hear: Hear) -> None:
    assert "ExceptionListOk" in hear(cni(PODS, SERVICES, plugin=plugin)).codes()


def test_the_newer_form_of_the_list_is_read(hear: Hear) -> None:
    policy = {
        "Name": "EndpointPolicy",
        "Value": {"Type": "OutBoundNAT", "Settings": {"Exceptions": [SERVICES, PODS]}},
    }
    text = json.dumps(
        {"name": "flannel.4096", "cniVersion": "0.2.0", "type": "flannel",
         "delegate": {"type": "sdnoverlay", "AdditionalArgs": [policy]}}
    )  # fmt: skip
    assert "ExceptionListOk" in hear(transcript("type 10-flannel.conf", text, node="win-1")).codes()


def test_a_plugin_that_adds_ranges_itself_is_not_judged(hear: Hear) -> None:
    found = hear(cni(SERVICES, plugin="calico"))
    assert found.serious() == set()
    assert "ExceptionListOk" not in found.codes()


def test_an_outside_address_in_the_list_is_the_cause(hear: Hear) -> None:
    found = hear(cni("10.0.0.0/8"), external="10.9.8.7")
    assert found.headline.code == "ExceptionListCoversTarget"
    assert "10.0.0.0/8" in found.headline.summary
    assert "10.96.0.0/12" in found.headline.explanation


def test_an_outside_address_is_also_taken_from_a_test_that_failed(hear: Hear) -> None:
    tcp = transcript("Test-NetConnection", connection("10.9.8.7", 443, succeeded=False), pod="iis-1")
    assert hear(cni("10.0.0.0/8"), tcp).headline.code == "ExceptionListCoversTarget"


def test_an_address_inside_the_cluster_may_be_in_the_list(hear: Hear) -> None:
    tcp = transcript("Test-NetConnection", connection("10.244.4.8", 443, succeeded=False), pod="iis-1")
    assert "ExceptionListCoversTarget" not in hear(cni(PODS, SERVICES, HOSTS), tcp).codes()


def test_without_kubeadm_the_nodes_and_service_ranges_are_taken(hear: Hear) -> None:
    ranges = {"kind": "ServiceCIDR", "metadata": {"name": "kubernetes"}, "spec": {"cidrs": ["10.96.0.0/12"]}}
    items = [one for one in healthy_windows() if one["kind"] != "ConfigMap"]
    found = hear(cni("10.244.0.0/24", HOSTS), items=[*items, ranges])
    assert found.one("ExceptionListIncomplete").facts["missing"] == {
        "pods": ["10.244.4.0/24"],
        "services": [SERVICES],
    }


def test_unknown_ranges_are_no_reason_to_call_the_list_right(hear: Hear) -> None:
    items = [one for one in healthy_windows() if one["kind"] != "ConfigMap"]
    found = hear(cni(PODS, HOSTS), items=items, without=("ConfigMap", "ServiceCIDR", "Service"))
    assert found.serious() == set()
    assert "ExceptionListOk" not in found.codes()


def test_the_address_of_one_service_is_not_the_range_of_all(hear: Hear) -> None:
    api = {
        "kind": "Service",
        "metadata": {"name": "kubernetes", "namespace": "default", "uid": "u"},
        "spec": {"clusterIP": "10.96.0.1"},
    }
    items = [one for one in healthy_windows() if one["kind"] != "ConfigMap"]
    found = hear(cni(PODS, SERVICES, HOSTS), items=[*items, api])
    assert found.serious() == set()
    assert "ExceptionListOk" not in found.codes()
    lacking = hear(cni(PODS, HOSTS), items=[*items, api]).one("ExceptionListIncomplete")
    assert lacking.facts["missing"] == {"services": ["10.96.0.1/32"]}


def test_a_test_that_failed_because_of_the_list_is_no_cause_of_its_own(hear: Hear) -> None:
    tcp = transcript("Test-NetConnection", connection("10.9.8.7", 443, succeeded=False), pod="iis-1")
    found = hear(cni("10.0.0.0/8"), tcp)
    assert "WindowsPodTestsFail" in found.serious()
    serious = [one for one in found.findings if one.severity in ("critical", "warning")]
    assert [one.code for one in without_explained(serious)] == ["ExceptionListCoversTarget"]


# -- limits of the node itself --


def test_a_node_port_tried_from_its_own_node_is_a_limit(hear: Hear) -> None:
    found = hear(transcript("x", connection("10.127.130.21", 30080, succeeded=False), node="win-1"))
    assert found.serious() == set()
    assert (
        "curl -sS -m 5 http://10.127.130.11:30080/" in found.one("WindowsNodePortLocalLimit").next[0].command
    )


@pytest.mark.parametrize(
    ("host", "port", "succeeded"),
    [("10.127.130.21", 30080, True), ("10.127.130.11", 30080, False), ("10.127.130.21", 8080, False)],
)
def test_other_tests_of_ports_are_no_such_limit(host: str, port: int, succeeded: bool, hear: Hear) -> None:
    found = hear(transcript("x", connection(host, port, succeeded=succeeded), node="win-1"))
    assert "WindowsNodePortLocalLimit" not in found.codes()


@pytest.mark.parametrize(("host", "told"), [("10.96.7.7", True), ("10.244.0.9", False)])
def test_a_service_address_tried_from_a_node_is_a_limit(host: str, told: bool, hear: Hear) -> None:
    found = hear(transcript("x", connection(host, 80, succeeded=False), node="win-1"))
    assert ("WindowsServiceIpFromNodeLimit" in found.codes()) is told
    assert found.serious() == set()


# -- kube-proxy and endpoints --

PROXY = r"C:\k\kube-proxy.exe --v=4 --proxy-mode=kernelspace --kubeconfig=c:\k\config"


def processes(line: str) -> dict[str, Any]:
    return transcript("Get-CimInstance Win32_Process", json.dumps({"CommandLine": line}), node="win-1")


def test_an_override_that_is_given_is_fine(hear: Hear) -> None:
    found = hear(processes(f"{PROXY} --hostname-override=win-1"))
    assert "WindowsHostnameOverrideMissing" not in found.codes()
    assert "the arguments of kube-proxy" not in found.one("WindowsHostChecksOpen").facts["checks"]


@pytest.mark.parametrize("flag", ["", ' --hostname-override=""', " --hostname-override="])
def test_a_missing_override_is_harmless_while_the_names_agree(flag: str, hear: Hear) -> None:
    assert hear(processes(PROXY + flag)).one("WindowsHostnameOverrideMissing").severity == "info"


def test_a_missing_override_matters_where_the_names_differ(hear: Hear) -> None:
    items = [linux_node(), windows_node(host="ec2amaz-77"), windows_pod()]
    found = hear(processes(PROXY), items=items)
    assert found.headline.code == "WindowsHostnameOverrideMissing"
    assert found.headline.severity == "warning"
    assert "ec2amaz-77" in found.headline.summary


def test_with_endpoints_gone_a_missing_override_is_the_cause(hear: Hear) -> None:
    endpoints = transcript("Get-HnsEndpoint | ConvertTo-Json", endpoints_json("10.244.4.8"), node="win-1")
    found = hear(processes(PROXY), endpoints)
    assert found.headline.code == "WindowsHostnameOverrideMissing"
    assert found.headline.severity == "critical"
    assert "iis-1" in found.headline.summary


def test_many_nodes_with_harmless_names_are_one_remark(examine: Run) -> None:
    nodes = [windows_node(f"win-{n}", cidr=f"10.244.{n}.0/24") for n in range(1, 5)]
    one = examine([linux_node(), *nodes, daemon_set("--v=4")], guide=GUIDE).one(
        "WindowsHostnameOverrideMissing"
    )
    assert "win-1 (and 3 more)" in one.summary
    assert one.severity == "info"


def test_endpoints_that_are_gone_are_told_also_without_a_cause(hear: Hear) -> None:
    found = hear(transcript("Get-HnsEndpoint", "", node="win-1"))
    assert found.headline.code == "WindowsHnsEndpointsGone"
    assert "shop/iis-1 and shop/iis-2" in found.headline.summary


@pytest.mark.parametrize(
    ("command", "printed"),
    [
        ("Get-HnsEndpoint", endpoints_json("10.244.4.7", "10.244.4.8")),
        ('Get-HnsEndpoint | ? IPAddress -eq "10.244.4.8"', endpoints_json("10.244.4.8")),
        ("Get-HnsEndpoint", "Get-HnsEndpoint : The term 'Get-HnsEndpoint' is not recognized"),
    ],
)
def test_endpoints_that_are_there_or_were_chosen_prove_nothing(
    command: str, printed: str, hear: Hear
) -> None:
    assert hear(transcript(command, printed, node="win-1")).serious() == set()


def test_pods_that_have_no_endpoint_of_their_own_are_not_missed(hear: Hear) -> None:
    young = windows_pod("young", ip="10.244.4.30")
    young["status"]["containerStatuses"][0]["state"]["running"]["startedAt"] = ago(30)
    on_host = windows_pod("agent", ip="10.127.130.21", spec={"hostNetwork": True})
    items = [linux_node(), windows_node(), young, on_host]
    assert hear(transcript("Get-HnsEndpoint", "", node="win-1"), items=items).serious() == set()


def daemon_set(*args: str) -> dict[str, Any]:
    container = {"name": "kube-proxy", "image": "x", "command": ["C:\\k\\kube-proxy.exe"], "args": list(args)}
    template = {"spec": {"containers": [container], "nodeSelector": {"kubernetes.io/os": "windows"}}}
    meta = {
        "name": "kube-proxy-windows",
        "namespace": "kube-system",
        "uid": "u",
        "creationTimestamp": ago(9000),
    }
    return {"kind": "DaemonSet", "metadata": meta, "spec": {"template": template}}


def test_a_daemon_set_tells_the_arguments_too(examine: Run) -> None:
    node = windows_node(host="other-name")
    without = examine([linux_node(), node, daemon_set("--v=4")], guide=GUIDE)
    assert without.headline.code == "WindowsHostnameOverrideMissing"
    given = examine([linux_node(), node, daemon_set("--hostname-override=$(NODE_NAME)")], guide=GUIDE)
    assert given.serious() == set()


def test_a_script_in_an_image_does_not_show_its_arguments(examine: Run) -> None:
    one = daemon_set()
    one["spec"]["template"]["spec"]["containers"][0] |= {"command": [], "args": []}
    found = examine([linux_node(), windows_node(host="other-name"), one], guide=GUIDE)
    assert found.serious() == set()


# -- networks and adapters --


@pytest.mark.parametrize("printed", [NETWORKS_JSON, NETWORKS_LIST])
def test_a_network_for_pods_is_recognised_in_every_form(printed: str, hear: Hear) -> None:
    found = hear(transcript("Get-HnsNetwork", printed, node="win-1"))
    assert "cbr0 (l2bridge)" in found.one("WindowsPodNetworkPresent").summary


def test_neither_network_nor_adapter_is_the_cause(hear: Hear) -> None:
    found = hear(
        transcript('Get-HnsNetwork | ? Name -ieq "cbr0"', "", node="win-1"),
        transcript('Get-NetAdapter | ? Name -Like "vEthernet (Ethernet*"', "", node="win-1"),
    )
    assert found.headline.code == "WindowsVirtualAdapterMissing"


def test_the_adapters_name_is_told_where_it_is_unusual(hear: Hear) -> None:
    found = hear(
        transcript("Get-HnsNetwork", "", node="win-1"),
        transcript("Get-NetAdapter", NO_VIRTUAL_TABLE, node="win-1"),
    )
    assert "called Ethernet 2" in found.headline.summary


@pytest.mark.parametrize(
    "heard",
    [
        [transcript('Get-HnsNetwork | ? Name -ieq "cbr0"', "", node="win-1")],
        [transcript("Get-HnsNetwork", "", node="win-1"), transcript("Get-NetAdapter", ADAPTERS_TABLE, node="win-1")],
        [transcript("Get-HnsNetwork", "", node="win-1"), transcript("ipconfig", IPCONFIG, node="win-1")],
        [transcript("Get-HnsNetwork", "Get-HnsNetwork : The term is not recognized", node="win-1"),
         transcript("Get-NetAdapter", NO_VIRTUAL_TABLE, node="win-1")],
    ],
)  # fmt: skip
def test_half_of_it_proves_nothing(heard: Any, hear: Hear) -> None:
    assert hear(*heard).serious() == set()


# -- names --


def no_name(name: str) -> str:
    return f"Resolve-DnsName : {name} : DNS name does not exist\nAt line:1 char:1\n"


ANSWER = """
Name                                           Type   TTL   Section    IPAddress
----                                           ----   ---   -------    ---------
web.shop.svc.cluster.local                     A      30    Answer     10.96.7.7

"""


def test_a_partly_qualified_name_is_a_limit_of_windows(hear: Hear) -> None:
    found = hear(
        transcript("Resolve-DnsName web.shop", no_name("web.shop"), pod="iis-1"),
        transcript("Resolve-DnsName web.shop.svc.cluster.local", ANSWER, pod="iis-1"),
    )
    assert found.serious() == set()
    assert "web.shop.svc.cluster.local" in found.one("WindowsDnsLimit").summary


def test_a_full_name_nobody_answers_is_no_limit(hear: Hear) -> None:
    text = "Server:  UnKnown\nAddress:  10.96.0.10\n\n*** Request to UnKnown timed-out\n"
    found = hear(transcript("nslookup web.shop.svc.cluster.local", text, pod="iis-1"))
    assert found.headline.code == "WindowsDnsFails"
    assert "runbook run services" in found.headline.next[0].command


def test_a_full_name_there_is_not_is_no_alarm(hear: Hear) -> None:
    found = hear(transcript("Resolve-DnsName", no_name("none.shop.svc.cluster.local"), pod="iis-1"))
    assert found.serious() == set()
    assert "WindowsDnsFails" in found.codes()


@pytest.mark.parametrize(
    "spec", [{"dnsPolicy": "ClusterFirstWithHostNet"}, {"dnsConfig": {"searches": ["a.test"]}}]
)
def test_settings_windows_does_not_know_are_told(spec: Any, examine: Run) -> None:
    found = examine([linux_node(), windows_node(), windows_pod(spec=spec)], guide=GUIDE)
    assert "WindowsDnsLimit" in found.codes()
    assert found.serious() == set()


def test_the_usual_dns_policy_is_fine(examine: Run) -> None:
    assert "WindowsDnsLimit" not in examine(healthy_windows(), guide=GUIDE).codes()


# -- port-forward, proxies --


def test_a_missing_wincat_is_told(hear: Hear) -> None:
    text = (
        "$ kubectl port-forward pod/iis-1 8080:80\nForwarding from 127.0.0.1:8080 -> 80\n"
        "E1123 portforward.go:406] an error occurred forwarding 8080 -> 80: unable to do port forwarding: wincat not found\n"
    )
    found = hear({"stdout": text})
    assert found.headline.code == "WindowsWincatMissing"
    assert "pod/iis-1" in found.headline.summary


def test_a_port_forward_that_works_is_fine(hear: Hear) -> None:
    assert hear({"stdout": "Forwarding from 127.0.0.1:8080 -> 80\n"}).serious() == set()


def unreached(name: str = "iis-9", on: str = "win-1") -> dict[str, Any]:
    message = 'failed to pull image "registry.test/iis:1": dial tcp 192.0.2.1:443: i/o timeout'
    return stuck(
        name, reason="ErrImagePull", message=message, image="registry.test/iis:1", on=on, aimed=on == "win-1"
    )


def test_a_proxy_that_is_not_set_is_likely_why_only_windows_pulls_fail(hear: Hear) -> None:
    found = hear(
        transcript("x", "HTTP_PROXY=\nHTTPS_PROXY=\n", node="win-1"), items=[*healthy_windows(), unreached()]
    )
    assert "WindowsProxyUnset" in found.serious()
    assert "registry.test" in found.one("WindowsProxyUnset").summary


def test_a_proxy_that_is_set_is_no_cause(hear: Hear) -> None:
    heard = transcript("x", "HTTPS_PROXY=http://user:hunter2hunter2@proxy.test:443/\n", node="win-1")
    found = hear(heard, items=[*healthy_windows(), unreached()])
    assert "WindowsProxyUnset" not in found.codes()
    assert "WindowsProxySet" in found.codes()
    assert "hunter2hunter2" not in repr(found.session.steps)


def test_a_registry_linux_nodes_do_not_reach_either_is_not_windows(hear: Hear) -> None:
    items = [*healthy_windows(), unreached(), unreached("web-9", on="n1")]
    found = hear(transcript("x", "HTTPS_PROXY=\n", node="win-1"), items=items)
    assert "WindowsProxyUnset" not in found.codes()


def test_a_proxy_matters_only_where_pulls_fail(hear: Hear) -> None:
    assert hear(transcript("x", "HTTPS_PROXY=\n", node="win-1")).serious() == set()


# -- flannel --

VIP = '{"cniVersion":"0.2.0","ip4":{"ip":"10.244.9.2/24","gateway":"10.244.9.1"},"dns":{}}'


def test_an_address_of_another_subnet_is_stale(hear: Hear) -> None:
    found = hear(transcript("Get-Content C:\\k\\SourceVip.json", VIP, node="win-1"))
    assert found.headline.code == "FlannelStaleSubnet"
    assert "10.244.9.2/24" in found.headline.summary
    assert "10.244.4.0/24" in found.headline.summary


def test_an_address_of_the_nodes_own_subnet_is_fine(hear: Hear) -> None:
    own = VIP.replace("10.244.9", "10.244.4")
    assert hear(transcript("Get-Content C:\\k\\SourceVip.json", own, node="win-1")).serious() == set()


@pytest.mark.parametrize(("subnet", "stale"), [("10.244.9.1/24", True), ("10.244.4.1/24", False)])
def test_a_subnet_file_of_another_subnet_is_stale(subnet: str, stale: bool, hear: Hear) -> None:
    text = f"FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET={subnet}\nFLANNEL_MTU=1500\nFLANNEL_IPMASQ=true\n"
    found = hear(transcript("Get-Content subnet.env", text, node="win-1"))
    assert ("FlannelStaleSubnet" in found.codes()) is stale


@pytest.mark.parametrize(("hours", "stale"), [(30, True), (1, False)])
def test_a_file_older_than_the_node_is_likely_stale(hours: int, stale: bool, hear: Hear) -> None:
    files = [{"FullName": "C:\\k\\SourceVip.json", "LastWriteTimeUtc": ago(hours * 3600)}]
    found = hear(transcript("Get-ChildItem C:\\k\\SourceVip*", json.dumps(files), node="win-1"))
    assert ("FlannelStaleSubnet" in found.codes()) is stale


def test_files_are_asked_for_only_where_there_is_flannel(examine: Run) -> None:
    without = examine(healthy_windows(), guide=GUIDE)
    assert "flannel" not in " ".join(without.one("WindowsHostChecksOpen").facts["checks"])
    found = examine([linux_node(), windows_node(flannel=True)], guide=GUIDE)
    assert "files of flannel's earlier life" in found.one("WindowsHostChecksOpen").facts["checks"]


WAIT = "Waiting for the Network to be created\n"


@pytest.mark.parametrize(("lines", "severity"), [(90, "critical"), (5, "warning")])
def test_a_wait_without_end_is_told(lines: int, severity: str, hear: Hear) -> None:
    found = hear(transcript("C:\\k\\start.ps1", "Starting flanneld\n" + WAIT * lines, node="win-1"))
    assert found.headline.code == "FlannelWaiting"
    assert found.headline.severity == severity


def test_a_wait_that_ended_is_ordinary(hear: Hear) -> None:
    text = WAIT * 90 + "Starting kubelet\n"
    assert hear(transcript("C:\\k\\start.ps1", text, node="win-1")).serious() == set()


def flannel_pod() -> dict[str, Any]:
    one = windows_pod("kube-flannel-1", namespace="kube-flannel", containers=[running("kube-flannel")])
    one["metadata"]["labels"] = {"app": "flannel"}
    return one


@pytest.mark.parametrize(("ended", "told"), [("", True), ("I1123 main.go:1] Running backend.\n", False)])
def test_flannels_own_log_is_read(ended: str, told: bool, examine: Run, tmp_path: Path) -> None:
    write_log(
        tmp_path / "case",
        WAIT * 3 + ended,
        pod="kube-flannel-1",
        name="kube-flannel",
        namespace="kube-flannel",
    )
    found = examine([linux_node(), windows_node(flannel=True), flannel_pod()], guide=GUIDE)
    assert ("FlannelWaiting" in found.codes()) is told
    if told:
        assert found.headline.severity == "critical"
        assert found.headline.since is not None


NO_ENV = (
    'Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "1f": '
    'plugin type="flannel" failed (add): open /run/flannel/subnet.env: The system cannot find the path specified.'
)


def test_a_missing_subnet_file_is_one_finding_about_the_node(examine: Run) -> None:
    pods = [stuck(f"iis-{n}") for n in range(3)]
    items = [
        linux_node(),
        windows_node(flannel=True),
        kubeadm(),
        *pods,
        *(sandbox_event(one, NO_ENV) for one in pods),
    ]
    found = examine(items, guide=GUIDE)
    assert found.headline.code == "FlannelSubnetEnvMissing"
    assert found.serious() == {"FlannelSubnetEnvMissing"}
    assert found.headline.facts["pods"] == 3
    command = found.headline.next[-1].command
    assert "FLANNEL_NETWORK=10.244.0.0/16" in command
    assert "FLANNEL_SUBNET=10.244.4.1/24" in command


def test_the_same_of_a_pod_that_has_started_since_is_history(examine: Run) -> None:
    one = windows_pod()
    one["status"]["containerStatuses"][0]["state"]["running"]["startedAt"] = ago(5)
    found = examine([linux_node(), windows_node(flannel=True), one, sandbox_event(one, NO_ENV)], guide=GUIDE)
    assert found.serious() == set()
