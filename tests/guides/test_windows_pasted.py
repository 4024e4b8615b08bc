"""What a person pastes: prompts or none, tables, lists and JSON, UTF-16, and texts that mean no good."""

# ruff: noqa: E501 - one text a line reads better than wrapped ones
from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks.cluster import Transcript, TranscriptTarget
from kuberunbooks.guides.rules.windows_builds import build_of, build_of_image, looks_like_windows
from kuberunbooks.guides.rules.windows_cni import covers, read_cni, widest
from kuberunbooks.guides.rules.windows_containerd import is_old_pause, read_containerd, runtime_major
from kuberunbooks.guides.rules.windows_flannel import old_files, source_vips, subnet_env, waiting
from kuberunbooks.guides.rules.windows_host import (
    adapters,
    hns_endpoints,
    hns_networks,
    ipconfig_addresses,
    vm_adapters,
)
from kuberunbooks.guides.rules.windows_kube_proxy import (
    command_lines,
    configured_override,
    hostname_override,
    starts_kube_proxy,
)
from kuberunbooks.guides.rules.windows_pods import linux_only_fields
from kuberunbooks.guides.rules.windows_probes import lookups, reaches
from kuberunbooks.guides.rules.windows_records import records, table_records
from kuberunbooks.guides.rules.windows_session import Piece, bare_command, pieces
from tests.support.made_windows import (
    ADAPTERS_TABLE,
    IPCONFIG,
    NETWORKS_JSON,
    NETWORKS_LIST,
    PING_LOST,
    cni_conf,
    connection,
    endpoints_json,
    healthy_windows,
)

Run = Callable[..., Any]
GUIDE = "windows-networking"


@pytest.fixture
def examine(examine: Run, tmp_path: Path) -> Run:
    """As elsewhere; `pasted` is text a person put into a file."""

    def run(items: Any, target: str = "", *, pasted: str = "", **options: Any) -> Any:
        if pasted:
            file = tmp_path / "pasted.txt"
            file.write_text(pasted)
            options["transcripts"] = str(file)
        return examine(items, target, **options)

    return run


def heard(text: str, **target: str) -> list[Piece]:
    return list(pieces(Transcript(target=TranscriptTarget(**target), stdout=text, source="paste.txt")))


# -- sessions --

SESSION = f"""Windows PowerShell
Copyright (C) Microsoft Corporation. All rights reserved.

PS C:\\Users\\admin> Get-HnsNetwork | ? Name -ieq "cbr0"
PS C:\\Users\\admin> Get-NetAdapter | Select-Object Name, InterfaceDescription, Status
{ADAPTERS_TABLE}
C:\\k>ipconfig /all
{IPCONFIG}
"""


def test_prompts_cut_a_session_into_commands() -> None:
    found = heard(SESSION)
    assert [one.command for one in found] == [
        "",
        'Get-HnsNetwork | ? Name -ieq "cbr0"',
        "Get-NetAdapter | Select-Object Name, InterfaceDescription, Status",
        "ipconfig /all",
    ]
    assert found[1].is_empty


@pytest.mark.parametrize(
    ("rest", "empty"), [("", False), ("PS C:\\> ", True), ("PS C:\\> hostname\nwin-1\n", True)]
)
def test_only_the_next_prompt_shows_that_nothing_was_printed(rest: str, empty: bool) -> None:
    assert heard(f"PS C:\\> Get-HnsEndpoint\n{rest}")[0].is_empty is empty


def test_a_paste_without_prompts_is_one_piece() -> None:
    assert [one.command for one in heard(NETWORKS_JSON)] == [""]


def test_kubectl_exec_says_which_pod_it_was() -> None:
    text = "admin@laptop:~$ kubectl exec iis-1 -n shop -- curl.exe -sS http://10.244.4.8/\n<html/>\n"
    one = heard(text)[0]
    assert (one.pod, one.namespace, one.command) == ("iis-1", "shop", "curl.exe -sS http://10.244.4.8/")


def test_a_shell_in_a_pod_lasts_until_exit() -> None:
    text = (
        "$ kubectl exec -it iis-1 -n shop -- powershell\n"
        "PS C:\\> ping 203.0.113.7\n" + PING_LOST + "PS C:\\> exit\n"
        "PS C:\\> hostname\nwin-1\n"
    )
    by_command = {one.command: one.pod for one in heard(text, kind="node", node="win-1")}
    assert by_command["ping 203.0.113.7"] == "iis-1"
    assert by_command["hostname"] == ""


@pytest.mark.parametrize(
    ("command", "bare"),
    [
        ('powershell.exe -NoProfile -Command "Get-HnsNetwork"', "Get-HnsNetwork"),
        ("powershell -c Get-HnsNetwork", "Get-HnsNetwork"),
        ("pwsh Get-HnsNetwork", "Get-HnsNetwork"),
        ("cmd /c ipconfig /all", "ipconfig /all"),
        ("powershell.exe", "powershell.exe"),
        ("Get-HnsNetwork", "Get-HnsNetwork"),
    ],
)
def test_the_shell_around_a_command_is_taken_off(command: str, bare: str) -> None:
    assert bare_command(command) == bare


# -- records --


@pytest.mark.parametrize("text", [NETWORKS_JSON, NETWORKS_LIST, f"noise\n{NETWORKS_JSON}\nmore noise"])
def test_networks_are_read_in_every_form(text: str) -> None:
    assert "cbr0" in {one.name for one in hns_networks(records(text))}


def test_a_table_is_cut_where_its_dashes_stand() -> None:
    found = list(table_records(ADAPTERS_TABLE))
    assert [one["Name"] for one in found] == ["vEthernet (Ethernet 2)", "Ethernet 2"]
    assert {one["Status"] for one in found} == {"Up"}
    assert [one.is_virtual for one in adapters(found)] == [True, False]


@pytest.mark.parametrize("text", ["----", "a\n---- ----\nb", "Name\n----", "", "-\n-\n-"])
def test_dashes_alone_are_no_table(text: str) -> None:
    assert all(isinstance(one, dict) for one in table_records(text))


@pytest.mark.parametrize("text", ['{"a": 1', "[{]}", "{" * 5000, '{"a": [1, 2}'])
def test_json_that_was_cut_off_is_no_record(text: str) -> None:
    assert records(text) == []


def test_json_after_something_broken_is_still_read() -> None:
    assert records('{"broken": \n{"Name": "x"}\n')[-1] == {"Name": "x"}


def test_endpoints_of_other_nodes_are_told_apart() -> None:
    other = json.dumps({"IPAddress": "10.244.9.9", "VirtualNetworkName": "cbr0", "IsRemoteEndpoint": True})
    found = list(hns_endpoints(records(f"{endpoints_json('10.244.4.7')}\n{other}")))
    assert [(one.ip, one.remote) for one in found] == [("10.244.4.7", False), ("10.244.9.9", True)]


@pytest.mark.parametrize(("said", "spoofing"), [("On", True), ("Off", False), ("0", True), ("1", False)])
def test_spoofing_is_read_as_a_word_and_as_the_number_json_has(said: str, spoofing: bool) -> None:
    text = json.dumps({"VMName": "win-1", "MacAddressSpoofing": int(said) if said.isdigit() else said})
    assert [one.spoofing for one in vm_adapters(records(text))] == [spoofing]


def test_ipconfig_gives_addresses_with_their_range() -> None:
    (one,) = ipconfig_addresses(IPCONFIG)
    assert (one.adapter, one.ip, str(one.network)) == (
        "vEthernet (Ethernet 2)",
        "10.127.130.21",
        "10.127.130.0/24",
    )
    assert list(ipconfig_addresses("nothing of the kind")) == []


# -- builds, pause images --


@pytest.mark.parametrize(
    ("image", "number"),
    [
        ("mcr.microsoft.com/windows/servercore:ltsc2019", 17763),
        ("mcr.microsoft.com/windows/nanoserver:10.0.20348.2227", 20348),
        ("shop/iis:1.2-windowsservercore-ltsc2022", 20348),
        ("shop/iis:1809-amd64", 17763),
        ("shop/iis:ltsc2025@sha256:00", 26100),
        ("registry:5000/ltsc2022", None),
        ("shop/web:v1809x", None),
        ("shop/web", None),
        ("shop/web:20220101", None),
    ],
)
def test_the_build_of_an_image_is_read_from_its_tag(image: str, number: int | None) -> None:
    found = build_of_image(image)
    assert (found.number if found else None) == number


def test_a_build_we_do_not_know_is_named_by_its_number() -> None:
    found = build_of("10.0.29999.1")
    assert found is not None
    assert found.text == "build 29999"
    assert build_of("5.15.0-91-generic") is None


@pytest.mark.parametrize(
    ("image", "windows"), [("mcr.microsoft.com/windows/nanoserver:x", True), ("nginx:1.27", False)]
)
def test_windows_images_are_known_by_name(image: str, windows: bool) -> None:
    assert looks_like_windows(image) is windows


@pytest.mark.parametrize(
    ("text", "major"),
    [("containerd://1.7.27", 1), ("containerd://2.0.4", 2), ("docker://20.10", None), ("", None)],
)
def test_the_major_version_of_containerd(text: str, major: int | None) -> None:
    assert runtime_major(text) == major


@pytest.mark.parametrize(
    ("image", "old"),
    [
        ("a/pause:3.4", True),
        ("a/pause:3.6", False),
        ("a/pause:3.10", False),
        ("a/pause:latest", False),
        ("pause", False),
    ],
)
def test_how_old_a_pause_image_is(image: str, old: bool) -> None:
    assert is_old_pause(image) is old


def test_the_oldest_form_of_containerds_configuration_is_read() -> None:
    found = read_containerd('[plugins.cri]\nsandbox_image = "x/pause:3.5"\n')
    assert found is not None
    assert (found.version, found.images[0].image) == (1, "x/pause:3.5")
    assert read_containerd("no configuration") is None


# -- lists, flannel, kube-proxy --


def test_ranges_cover_together_and_the_widest_are_kept() -> None:
    halves = [ip_network("10.0.0.0/9"), ip_network("10.128.0.0/9")]
    assert covers(halves, ip_network("10.0.0.0/8"))
    assert not covers(halves[:1], ip_network("10.0.0.0/8"))
    assert not covers([ip_network("fd00::/8")], ip_network("10.0.0.0/8"))
    nested = [ip_network("10.244.4.0/24"), ip_network("10.244.0.0/16"), ip_network("10.96.0.0/12")]
    assert widest(nested) == nested[1:]


@pytest.mark.parametrize(
    "text", ["", "{}", '{"cniVersion": "1.0.0", "type": "bridge"}', '{"cniVersion": 1, "plugins": [7]}']
)
def test_what_has_no_list_is_no_configuration_of_windows(text: str) -> None:
    assert list(read_cni(text)) == []


def test_a_chain_of_plugins_and_odd_entries_are_read() -> None:
    inner = json.loads(cni_conf("10.96.0.0/12", "no range"))
    (found,) = read_cni(json.dumps({"cniVersion": "1.0.0", "name": "net", "plugins": [inner]}))
    assert found.odd == ("no range",)
    assert found.plugin == "win-bridge"


def test_a_configuration_without_nat_is_known_as_one() -> None:
    (found,) = read_cni('{"cniVersion": "1.0.0", "name": "net", "type": "sdnbridge"}')
    assert not found.has_nat


@pytest.mark.parametrize(
    ("value", "known"),
    [
        ("/Date(1700000000000)/", True),
        ("2026-01-31T03:00:00.1234567Z", True),
        ({"value": "/Date(1700000000000)/"}, True),
        ("31.01.2026 03:00", False),
        (None, False),
        (7, False),
    ],
)
def test_only_times_in_utc_count(value: Any, known: bool) -> None:
    (one,) = old_files([{"FullName": "C:\\k\\SourceVip.json", "LastWriteTimeUtc": value}])
    assert (one.written is not None) is known


def test_source_addresses_of_both_forms_of_results() -> None:
    old = '{"cniVersion":"0.2.0","ip4":{"ip":"10.244.9.2/24"}}'
    new = '{"cniVersion":"1.0.0","ips":[{"address":"10.244.9.3/24"}]}'
    assert list(source_vips(f"{old}\n{new}")) == ["10.244.9.2/24", "10.244.9.3/24"]
    assert list(source_vips('{"ips": ["10.0.0.1"]}')) == []


def test_a_wait_counts_from_its_first_line_after_the_last_success() -> None:
    lines = ["Waiting for the Network to be created"] * 3
    assert waiting((None, line) for line in lines) is not None
    assert waiting((None, line) for line in [*lines, "Running backend."]) is None
    assert waiting([]) is None


def test_the_variables_of_subnet_env() -> None:
    assert subnet_env("FLANNEL_SUBNET=10.244.4.1/24\r\nOTHER=1\n") == {"FLANNEL_SUBNET": "10.244.4.1/24"}


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("kube-proxy.exe --hostname-override=win-1 --v=4", "win-1"),
        ("kube-proxy.exe --hostname-override win-1", "win-1"),
        ('kube-proxy.exe --hostname-override="win-1"', "win-1"),
        ("kube-proxy.exe --hostname-override= --v=4", ""),
        ("kube-proxy.exe --hostname-override --v=4", ""),
        ("kube-proxy.exe --v=4", ""),
    ],
)
def test_the_name_kube_proxy_is_given(line: str, value: str) -> None:
    assert hostname_override(line) == value


def test_the_configured_name_and_the_command_line_are_found() -> None:
    assert configured_override('mode: ""\nhostnameOverride: "win-1"\n') == "win-1"
    assert configured_override('hostnameOverride: ""\n') == ""
    assert list(command_lines("C:\\k\\kube-proxy.exe --v=4\n", [])) == ["C:\\k\\kube-proxy.exe --v=4"]
    assert not starts_kube_proxy(["powershell", "-File", "start.ps1", "--kube-proxy"])
    assert starts_kube_proxy(["/usr/local/bin/kube-proxy", "--config=x"])


# -- tests and lookups --


def piece(text: str, command: str = "") -> Piece:
    return Piece(command, text, "paste.txt", pod="iis-1")


@pytest.mark.parametrize(
    ("command", "text", "outcome"),
    [
        ("", PING_LOST, "dropped"),
        (
            "",
            "\nPinging 10.0.0.1 with 32 bytes of data:\nReply from 10.0.0.1: bytes=32 time=1ms TTL=64\n",
            "reached",
        ),
        ("", connection("10.0.0.1", 443, succeeded=True), "reached"),
        ("", connection("10.0.0.1", 443, succeeded=False), "dropped"),
        ("curl.exe http://10.0.0.1/", "curl: (28) Connection timed out after 5000 milliseconds", "dropped"),
        ("curl 10.0.0.1:8080", "curl: (7) Failed to connect", "refused"),
        ("curl.exe -k https://10.0.0.1/", "curl: (60) schannel: SEC_E_UNTRUSTED_ROOT", "reached"),
        ("curl.exe http://none.test/", "curl: (6) Could not resolve host: none.test", "unresolved"),
    ],
)
def test_what_a_test_says(command: str, text: str, outcome: str) -> None:
    assert [one.outcome for one in reaches(piece(text, command))] == [outcome]


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("curl.exe http://10.0.0.1/", ""),
        ("curl.exe http://[bad/", "x"),
        ("curl.exe", "x"),
        ("", "\nPinging 10.0.0.1 with 32 bytes of data:\n"),
        ("", "ComputerName : x\nTcpTestSucceeded : maybe\n"),
        ("curl.exe http://10.0.0.1/", "curl: (2) Failed initialization"),
    ],
)
def test_what_says_nothing_is_no_test(command: str, text: str) -> None:
    assert list(reaches(piece(text, command))) == []


@pytest.mark.parametrize(
    ("command", "text", "expected"),
    [
        ("", "Resolve-DnsName : web : DNS name does not exist\n", [("web", False, True)]),
        ("", "Resolve-DnsName : web : This operation returned because the timeout period expired\n", [("web", False, False)]),
        ("nslookup web", "Server:  UnKnown\nAddress:  10.96.0.10\n\n*** UnKnown can't find web: Non-existent domain\n",
         [("web", False, True)]),
        ("nslookup web", "Server:  UnKnown\nAddress:  10.96.0.10\n\nName:    web.shop.svc.cluster.local\nAddress:  10.96.7.7\n",
         [("web", True, True)]),
        ("hostname", "win-1\n", []),
    ],
)  # fmt: skip
def test_what_a_lookup_says(command: str, text: str, expected: Any) -> None:
    assert [(one.name, one.found, one.answered) for one in lookups(piece(text, command))] == expected


def test_fields_only_linux_knows() -> None:
    spec = {
        "hostPID": False,
        "shareProcessNamespace": False,
        "securityContext": {"fsGroup": None, "sysctls": [], "runAsNonRoot": True},
        "containers": [{"securityContext": {"privileged": False, "capabilities": {}}}, None],
        "initContainers": None,
    }
    assert linux_only_fields(spec) == ["shareProcessNamespace", "containers[].securityContext.privileged"]


# -- the parameters --


def test_text_that_is_pasted_without_a_command_is_known_by_its_content(examine: Run) -> None:
    text = f"{NETWORKS_LIST}\n{IPCONFIG}\n{cni_conf('10.244.0.0/16', '10.96.0.0/12', '10.127.130.0/24')}\n"
    found = examine(healthy_windows(), "node/win-1", guide=GUIDE, pasted=text)
    assert {"WindowsPodNetworkPresent", "ExceptionListOk"} <= found.codes()
    assert found.serious() == set()


def test_a_session_that_is_pasted_is_judged(examine: Run) -> None:
    text = 'PS C:\\> Get-HnsNetwork | ? Name -ieq "cbr0"\nPS C:\\> Get-NetAdapter | ? Name -Like "vEthernet (Ethernet*"\nPS C:\\> '
    found = examine(healthy_windows(), guide=GUIDE, pasted=text)
    assert found.headline.code == "WindowsVirtualAdapterMissing"
    assert found.headline.subject.name == "win-1"


def test_what_powershell_writes_into_a_file_is_read_whatever_its_encoding(
    examine: Run, tmp_path: Path
) -> None:
    for name, body in {
        "utf16.txt": NETWORKS_JSON.encode("utf-16"),
        "bom.txt": NETWORKS_JSON.encode("utf-8-sig"),
        "plain.json": NETWORKS_JSON.encode(),
        "utf16.json": NETWORKS_JSON.encode("utf-16"),
    }.items():
        file = tmp_path / name
        file.write_bytes(body)
        found = examine(healthy_windows(), guide=GUIDE, transcripts=str(file))
        assert "WindowsPodNetworkPresent" in found.codes(), name


def test_with_several_nodes_a_paste_needs_a_name(examine: Run) -> None:
    from tests.support.made_windows import windows_node

    items = [*healthy_windows(), windows_node("win-2", address="10.127.130.22", cidr="10.244.5.0/24")]
    found = examine(items, guide=GUIDE, pasted=NETWORKS_JSON, transcripts_node="win-2")
    assert found.one("WindowsPodNetworkPresent").subject.name == "win-2"


def test_what_runs_in_a_host_process_pod_ran_on_its_node(examine: Run) -> None:
    text = f"$ kubectl exec windows-checks-win-1 -n kube-system -- powershell.exe Get-HnsNetwork\n{NETWORKS_JSON}\n"
    found = examine(healthy_windows(), guide=GUIDE, pasted=text)
    assert found.one("WindowsPodNetworkPresent").subject.name == "win-1"


def test_the_script_we_print_is_read_back(examine: Run) -> None:
    printed = f"PS> ipconfig /all\n{IPCONFIG}\nPS> Get-HnsNetwork\n{NETWORKS_JSON}\nPS> Get-NetAdapter\n{ADAPTERS_TABLE}\n"
    printed += f"PS> Get-HnsEndpoint\n{endpoints_json('10.244.4.7', '10.244.4.8')}\nPS> proxies\nHTTP_PROXY=\nHTTPS_PROXY=\n"
    found = examine(healthy_windows(), "node/win-1", guide=GUIDE, pasted=printed, transcripts_node="win-1")
    assert found.serious() == set(), [one.summary for one in found.findings]
    script = examine(healthy_windows(), guide=GUIDE).one("WindowsHostScript").next[0].command
    for command in ("ipconfig /all", "Get-HnsNetwork", "Get-NetAdapter", "Get-HnsEndpoint"):
        assert f'"PS> {command}"\n' in script


def test_a_name_that_is_no_node_name_gets_into_no_manifest(examine: Run) -> None:
    from tests.support.made_windows import linux_node, windows_node

    bad = windows_node("win'\nEOF\nreboot #")
    found = examine([linux_node(), bad], guide=GUIDE)
    commands = "".join(step.command for step in found.one("WindowsHostScript").next)
    assert "reboot" not in commands
    assert "hostProcess" not in commands
    good = examine([linux_node(), windows_node()], guide=GUIDE).one("WindowsHostScript")
    manifest = next(step for step in good.next if "hostProcess: true" in step.command)
    assert manifest.changes
    assert "nodeName: win-1" in manifest.command


# -- texts that mean no good --


def test_random_texts_and_long_lines_are_read_in_time_and_without_an_error(examine: Run) -> None:
    dice = random.Random(7)
    parts = [
        SESSION,
        NETWORKS_JSON,
        NETWORKS_LIST,
        ADAPTERS_TABLE,
        cni_conf("10.0.0.0/8"),
        PING_LOST,
        "[plugins]\nx=1\n",
    ]
    for _ in range(40):
        text = "".join(dice.choice(parts) for _ in range(4))
        spoilt = "".join(char for char in text if dice.random() > 0.02)
        found = examine(healthy_windows(), guide=GUIDE, pasted=spoilt, external="10.9.8.7")
        assert not [one for one in found.findings if one.title == one.code]
    began = time.perf_counter()
    for text in (
        "PS> " + "a" * 2_000_000,
        "- " * 500_000,
        '"' * 500_000,
        "x : " * 300_000,
        "{" * 300_000,
        "# " * 500_000,
    ):
        for one in heard(text):
            assert one.records is not None
            list(read_cni(f'"cniVersion" {text}'))
            list(reaches(one))
            list(lookups(one))
            list(ipconfig_addresses(text))
            read_containerd(f"[plugins]\n{text}")
    assert time.perf_counter() - began < 30


def test_secrets_in_what_was_pasted_are_in_no_report(examine: Run) -> None:
    text = (
        'PS C:\\> Get-Content config.toml\nversion = 2\n[plugins."io.containerd.grpc.v1.cri"]\n'
        '  sandbox_image = "x/pause:3.9"\n'
        '[plugins."io.containerd.grpc.v1.cri".registry.configs."r.test".auth]\n  password = "s3cr3tPassw0rdXYZ"\n'
        "PS C:\\> proxies\nHTTPS_PROXY=http://joe:hunter2hunter2@proxy.test:443/\nPS C:\\> "
    )
    found = examine(healthy_windows(), "node/win-1", guide=GUIDE, pasted=text)
    assert "WindowsPauseImageSet" in found.codes()
    shown = repr(found.session.steps) + repr(found.closing)
    assert "s3cr3tPassw0rdXYZ" not in shown
    assert "hunter2hunter2" not in shown
