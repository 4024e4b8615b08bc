"""Flags of API servers: read as they read them, judged by what becomes of the events."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from kuberunbooks.guides.rules.audit_flags import (
    Flags,
    Word,
    read_flags,
    seconds_of,
    split_words,
    words_of_text,
)
from kuberunbooks.guides.rules.audit_webhook import kept_webhook, read_webhook
from tests.support.auditing import GOOD, LOG_PATH, MOUNTS, POLICY_PATH, VOLUMES, api_server, audit

ALL = {f"AU-{number:02}" for number in range(1, 11)}


def flags(*words: str) -> Flags:
    return read_flags(split_words(Word(word, f"command[{index}]") for index, word in enumerate(words)))


def values(found: Flags) -> dict[str, str]:
    return {name: given.value for name, given in found.given.items()}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--audit-log-path=/a", "--v=2"], {"audit-log-path": "/a"}),
        (["--audit-log-path", "/a", "--v", "2"], {"audit-log-path": "/a"}),
        (["--audit_log_path=/a"], {"audit-log-path": "/a"}),
        (["--audit-log-path=/a", "--audit-log-path=/b"], {"audit-log-path": "/b"}),
        (
            ["--audit-log-compress", "--audit-log-path=-"],
            {"audit-log-compress": "true", "audit-log-path": "-"},
        ),
        (["--audit-log-path"], {"audit-log-path": ""}),
        (["--audit-log-path", "--v=2"], {"audit-log-path": ""}),
        (["sh", "-c", "exec kube-apiserver --audit-log-path='/a b' 1>>/x 2>&1"], {"audit-log-path": "/a b"}),
        (["server", "--kube-apiserver-arg=audit-log-path=/a"], {"audit-log-path": "/a"}),
        (["--auditor=x", "audit-log-path=/a"], {}),
    ],
)
def test_flags_are_found_in_the_words(words: list[str], expected: dict[str, str]) -> None:
    assert values(flags(*words)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "# --audit-log-path=/old\nExecStart=/bin/kube-apiserver \\\n  --audit-log-path=/a \\\n  --v=2\n",
        "root 1 0.0 kube-apiserver --v=2 --audit-log-path=/a\n",
        "kube-apiserver\0--v=2\0--audit-log-path\0/a\0",
        'kube-apiserver --audit-log-path="/a',
    ],
)
def test_flags_are_found_in_files(text: str) -> None:
    assert values(read_flags(words_of_text(text)))["audit-log-path"].strip('"') == "/a"


def test_defaults_are_the_api_servers() -> None:
    found = flags("--audit-log-path=/a", "--audit-webhook-config-file=/b")
    log, webhook = found.batch("log"), found.batch("webhook")
    assert (log.mode, log.buffer, log.size, log.throttle) == ("blocking", 10_000, 1, False)
    assert webhook == ("batch", 10_000, 400, 30.0, True, 10, 15)
    assert found.truncation("log") == (False, 10_485_760, 102_400)
    assert found.rotation((1, 35)) == (0, 0, 100)
    assert found.rotation((1, 36)) == (366, 100, 100)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30.0), ("1m30s", 90.0), ("500ms", 0.5), ("1.5h", 5400.0), ("0", 0.0), ("x", 7.0)],
)
def test_durations_are_gos(text: str, seconds: float) -> None:
    assert seconds_of(text, 7.0) == seconds


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["--audit-log-max-age=3"], "audit-log-max-age"),
        (["--audit-log-path=/a", "--audit-log-mode=async"], "audit-log-mode"),
        (["--audit-log-path=/a", "--audit-log-maxage=-1"], "audit-log-maxage"),
        (["--audit-log-path=/a", "--audit-log-maxage=30d"], "audit-log-maxage"),
        (["--audit-log-path=/a", "--audit-log-format=text"], "audit-log-format"),
        (["--audit-log-path=/a", "--audit-log-version=audit.k8s.io/v1beta1"], "audit-log-version"),
        (
            ["--audit-webhook-config-file=/a", "--audit-webhook-batch-buffer-size=0"],
            "audit-webhook-batch-buffer-size",
        ),
        (
            ["--audit-webhook-config-file=/a", "--audit-webhook-batch-max-wait=30"],
            "audit-webhook-batch-max-wait",
        ),
        (
            ["--audit-webhook-config-file=/a", "--audit-webhook-batch-throttle-qps=0"],
            "audit-webhook-batch-throttle-qps",
        ),
        (
            ["--audit-log-path=/a", "--audit-log-mode=batch", "--audit-log-batch-throttle-enable"],
            "audit-log-batch-throttle-qps",
        ),
        (
            ["--audit-log-path=/a", "--audit-log-truncate-max-batch-size=100"],
            "audit-log-truncate-max-batch-size",
        ),
        (["--audit-log-compress=yes"], "audit-log-compress"),
    ],
)
def test_flags_an_api_server_refuses_are_known(words: list[str], name: str) -> None:
    assert name in [one.name for one in flags(*words).wrong()]


@pytest.mark.parametrize(
    "words",
    [
        GOOD,
        ("--audit-log-path=-", "--audit-policy-file=/p", "--audit-log-maxage=0", "--audit-log-maxsize=0"),
        # What is not used is not checked.
        ("--audit-webhook-batch-buffer-size=0", "--audit-log-mode=none"),
        (
            "--audit-webhook-config-file=/a",
            "--audit-webhook-mode=blocking",
            "--audit-webhook-batch-buffer-size=0",
        ),
        ("--audit-webhook-config-file=/a", "--audit-webhook-batch-throttle-qps=0.5"),
    ],
)
def test_flags_an_api_server_takes_are_not_blamed(words: tuple[str, ...]) -> None:
    assert [one.name for one in flags(*words).wrong()] == []


def test_a_cluster_that_audits_as_the_guide_says_is_quiet(tmp_path: Path) -> None:
    found = audit(tmp_path, [api_server("cp-1"), api_server("cp-2"), api_server("cp-3")])
    assert found.serious() == set()
    assert {"AuditEnabled", "AuditLogConfigured", "AuditModeOk", "AuditTruncateOff"} <= found.codes()
    one = found.one("AuditEnabled")
    assert one.summary.startswith(
        f"All 3 API servers have a policy, {POLICY_PATH}, and write events to {LOG_PATH}."
    )
    assert one.evidence[0].path == "spec.containers[0].command[2]"
    assert one.evidence[0].value == f"--audit-policy-file={POLICY_PATH}"


def test_a_cluster_without_auditing_is_told_so_and_no_alarm(tmp_path: Path) -> None:
    found = audit(tmp_path, [api_server(flags=())])
    assert found.serious() == set()
    assert found.headline is found.one("AuditDisabled")


def test_arguments_count_as_much_as_the_command(tmp_path: Path) -> None:
    found = audit(
        tmp_path,
        [api_server(flags=(), args=[f"--audit-policy-file={POLICY_PATH}", "--audit-log-path", LOG_PATH])],
    )
    assert found.one("AuditEnabled").evidence[1].path == "spec.containers[0].args[2]"


def test_where_no_api_server_is_seen_nothing_is_claimed(tmp_path: Path) -> None:
    seen = audit(tmp_path / "a", [])
    assert "kube-system has no pod of an API server" in seen.one("AuditConfigInvisible").summary
    unread = audit(tmp_path / "b", [], without=("Pod",))
    assert "could not be read" in unread.one("AuditConfigInvisible").summary
    for found in (seen, unread):
        assert found.serious() == set()
        assert "AuditDisabled" not in found.codes()
        assert {found.steps[f"AU-{number:02}"].status for number in range(5, 11)} == {"skipped"}


def test_the_healthy_cluster_is_silent(diagnose: Any) -> None:
    found = diagnose("healthy", guide="audit")
    assert not {
        one.code for one in found.findings if one.step in ALL and one.severity in ("critical", "warning")
    }
    assert "AuditConfigInvisible" in found.codes()


@pytest.mark.parametrize(
    ("words", "code", "severity"),
    [
        ([f"--audit-policy-file={POLICY_PATH}"], "AuditPolicyNoBackend", "warning"),
        ([*GOOD[1:]], "AuditBackendNoPolicy", "critical"),
        ([*GOOD, "--audit-log-maxsize=0"], "AuditLogNoRotation", "warning"),
        ([*GOOD, "--audit-log-maxage=0", "--audit-log-maxbackup=0"], "AuditLogNoRotation", "warning"),
        ([GOOD[0], "--audit-log-path=-"], "AuditLogToStdout", "info"),
        ([*GOOD, "--audit-log-mode=blocking-strict"], "AuditModeStrict", "warning"),
        (
            [*GOOD, f"--audit-webhook-config-file={POLICY_PATH}", "--audit-webhook-mode=blocking"],
            "AuditModeBlockingWebhook",
            "warning",
        ),
        ([*GOOD, f"--audit-webhook-config-file={POLICY_PATH}"], "AuditWebhookConfigured", "ok"),
        ([*GOOD, "--audit-log-truncate-enabled"], "AuditTruncateOn", "info"),
        ([*GOOD, "--audit-log-path=/var/log/other.log"], "AuditVolumeNotMounted", "critical"),
    ],
)
def test_each_finding_about_flags_fires_for_its_flags(
    words: list[str], code: str, severity: str, tmp_path: Path
) -> None:
    found = audit(tmp_path, [api_server(flags=words)])
    assert found.one(code).severity == severity
    assert found.serious() == ({code} if severity in ("critical", "warning") else set())


@pytest.mark.parametrize(
    ("flag", "code"),
    [
        ("--audit-log-max-age=3", "AuditFlagRefused"),
        ("--audit-policy-file=/etc/other.yaml", "AuditVolumeNotMounted"),
    ],
)
def test_what_keeps_it_from_starting_is_critical_unless_it_runs(flag: str, code: str, tmp_path: Path) -> None:
    crashing = audit(tmp_path / "a", [api_server(flags=[*GOOD, flag], ready=False)])
    assert crashing.one(code).severity == "critical"
    assert crashing.serious() == {code}
    assert audit(tmp_path / "b", [api_server(flags=[*GOOD, flag])]).serious() == set()


def test_old_files_stay_before_version_36_and_go_from_then_on(tmp_path: Path) -> None:
    old = audit(tmp_path / "a", [api_server(flags=GOOD[:2], version="v1.35.4")])
    assert old.one("AuditLogNoRotation").severity == "warning"
    new = audit(tmp_path / "b", [api_server(flags=GOOD[:2], version="v1.36.0")])
    assert "for 366 days, at most 100 of 100 MB" in new.one("AuditLogConfigured").summary


def mounted(**changes: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    return (MOUNTS[0], {**MOUNTS[1], **changes})


def test_a_folder_that_is_mounted_read_only_is_critical(tmp_path: Path) -> None:
    found = audit(tmp_path, [api_server(mounts=mounted(readOnly=True))])
    one = found.one("AuditVolumeNotMounted")
    assert "/var/log/kubernetes/audit is mounted read-only" in one.summary
    assert one.evidence[-1].path == "spec.containers[0].volumeMounts[1]"


def test_a_log_that_is_the_mount_itself_cannot_be_rotated(tmp_path: Path) -> None:
    found = audit(tmp_path, [api_server(mounts=mounted(mountPath=LOG_PATH))])
    assert found.one("AuditLogCannotRotate").confidence == "likely"
    assert found.serious() == {"AuditLogCannotRotate"}


def test_a_log_in_an_empty_dir_is_kept_only_where_something_collects_it(tmp_path: Path) -> None:
    volumes = (VOLUMES[0], {"name": "audit-log", "emptyDir": {}})
    assert audit(tmp_path / "a", [api_server(volumes=volumes)]).serious() == {"AuditLogNotKept"}
    collector = {"name": "collector", "volumeMounts": [{"name": "audit-log", "mountPath": "/logs"}]}
    assert audit(tmp_path / "b", [api_server(volumes=volumes, more=[collector])]).serious() == set()


def test_the_deepest_mount_decides(tmp_path: Path) -> None:
    over = (*MOUNTS, {"name": "logs", "mountPath": "/var/log", "readOnly": True})
    volumes = (*VOLUMES, {"name": "logs", "hostPath": {"path": "/var/log"}})
    assert audit(tmp_path, [api_server(mounts=over, volumes=volumes)]).serious() == set()


def test_api_servers_that_differ_are_told_but_for_a_change_on_its_way(tmp_path: Path) -> None:
    found = audit(tmp_path / "a", [api_server("cp-1"), api_server("cp-2", flags=())])
    one = found.one("AuditServersDiffer")
    assert one.severity == "warning"
    assert "kube-apiserver-cp-2 logs nothing" in one.summary
    moving = audit(tmp_path / "b", [api_server("cp-1", started=300), api_server("cp-2", flags=())])
    assert moving.one("AuditServersDiffer").severity == "info"
    alike = audit(tmp_path / "c", [api_server("cp-1"), api_server("cp-2")])
    assert "AuditServersDiffer" not in alike.codes()


def test_flags_may_come_from_a_manifest_with_its_mounts(tmp_path: Path) -> None:
    manifest = api_server(flags=[*GOOD, "--audit-log-path=/nowhere/a.log"])
    (tmp_path / "kube-apiserver.yaml").write_text(yaml.safe_dump(manifest))
    found = audit(tmp_path, [api_server()], flags=str(tmp_path / "kube-apiserver.yaml"))
    one = found.one("AuditVolumeNotMounted")
    assert one.subject.text == "file/kube-apiserver.yaml"
    assert one.evidence[0].source == "kube-apiserver.yaml"


LISTED = """kind: ClusterConfiguration
apiServer:
  extraArgs: [{name: audit-policy-file, value: /p}, {name: audit-log-path, value: /l}]
"""


@pytest.mark.parametrize(
    "text",
    [
        "kind: ClusterConfiguration\napiServer:\n  extraArgs: {audit-policy-file: /p, audit-log-path: /l}\n",
        LISTED,
        "kube-apiserver-arg:\n- audit-policy-file=/p\n- audit-log-path=/l\n",
        "ExecStart=/usr/bin/kube-apiserver --audit-policy-file=/p --audit-log-path=/l\n",
    ],
)
def test_flags_may_come_from_other_files(text: str, tmp_path: Path) -> None:
    (tmp_path / "given").write_text(text)
    found = audit(tmp_path, flags=str(tmp_path / "given"))
    assert found.one("AuditEnabled").facts["log"] == "/l"


def test_a_file_without_flags_is_told(tmp_path: Path) -> None:
    (tmp_path / "given").write_text("hello")
    found = audit(tmp_path, flags=str(tmp_path / "given"))
    assert "given holds no command line of an API server" in found.one("AuditConfigInvisible").summary


WEBHOOK = """apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: SERVER, certificate-authority: /etc/kubernetes/audit/ca.crt}}]
users: [{name: u, user: {token: sesame-7f3a}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
"""
SINK = "https://audit.example.com/events"


def webhook(tmp_path: Path, text: str, items: Any = ()) -> Any:
    return audit(tmp_path, items, files={"audit/webhook.yaml": text})


def test_a_sound_webhook_is_quiet_and_its_token_is_nowhere(tmp_path: Path) -> None:
    found = webhook(tmp_path, WEBHOOK.replace("SERVER", SINK))
    assert found.serious() == set()
    rows = dict(found.steps["AU-06"].exhibits[0].rows)
    assert rows["says who it is by"] == "token"
    assert "sesame" not in str(found.session.steps)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[", "it is no YAML"),
        ("hello", "it is no kubeconfig"),
        (WEBHOOK.replace("current-context: x", ""), "no context is chosen"),
        (WEBHOOK.replace("current-context: x", "current-context: y"), "no context of that name"),
        (WEBHOOK.replace("cluster: c,", "cluster: d,"), "no cluster of that name"),
        (WEBHOOK.replace("user: u}", "user: v}"), "no user of that name"),
        (WEBHOOK.replace("SERVER", "audit.example.com"), "must be the URL"),
        (
            WEBHOOK.replace("SERVER", f"{SINK}, insecure-skip-tls-verify: true"),
            "the client refuses to begin",
        ),
    ],
)
def test_a_webhook_that_cannot_work_is_critical(text: str, words: str, tmp_path: Path) -> None:
    one = webhook(tmp_path, text.replace("SERVER", SINK)).one("AuditWebhookInvalid")
    assert one.severity == "critical"
    assert words in one.summary
    assert "sesame" not in str(one)


def test_a_webhook_without_encryption_is_a_warning_but_on_the_node_itself(tmp_path: Path) -> None:
    plain = webhook(tmp_path / "a", WEBHOOK.replace("SERVER", "http://audit.example.com/"))
    assert plain.one("AuditWebhookInsecure").severity == "warning"
    own = webhook(tmp_path / "b", WEBHOOK.replace("SERVER", "http://127.0.0.1:9000/"))
    assert own.one("AuditWebhookInsecure").severity == "info"
    ca = ", certificate-authority: /etc/kubernetes/audit/ca.crt"
    text = WEBHOOK.replace(ca, ", insecure-skip-tls-verify: true").replace("SERVER", SINK)
    assert "insecure-skip-tls-verify" in webhook(tmp_path / "c", text).one("AuditWebhookInsecure").summary


def test_a_service_name_is_not_known_on_the_nodes_network(tmp_path: Path) -> None:
    text = WEBHOOK.replace("SERVER", "https://sink.audit.svc:443/")
    path = "/etc/kubernetes/audit/webhook.yaml"
    mounts = (*MOUNTS, {"name": "audit", "mountPath": "/etc/kubernetes/audit", "readOnly": True})
    volumes = (*VOLUMES, {"name": "audit", "hostPath": {"path": "/etc/kubernetes/audit"}})
    server = api_server(flags=[*GOOD, f"--audit-webhook-config-file={path}"], mounts=mounts, volumes=volumes)
    found = webhook(tmp_path / "a", text, [server])
    assert found.serious() == {"AuditWebhookUnresolvable"}
    server["spec"]["dnsPolicy"] = "ClusterFirstWithHostNet"
    assert webhook(tmp_path / "b", text, [server]).serious() == set()
    # Whether the API server is on the node's network is not known here.
    assert webhook(tmp_path / "c", text).one("AuditWebhookUnresolvable").severity == "info"


def test_what_a_case_keeps_of_a_webhook_has_no_secret_and_says_the_same() -> None:
    text = WEBHOOK.replace("SERVER", SINK).encode()
    kept = kept_webhook(text)
    assert b"sesame" not in kept
    assert read_webhook(kept) == read_webhook(text)
    for body in (b"[", b"hello", b"", b"a: &a {b: *a}"):
        assert b"sesame" not in kept_webhook(body)


def test_a_certificate_the_webhook_names_must_be_mounted_too(tmp_path: Path) -> None:
    path = "/etc/kubernetes/webhook.yaml"
    mounts = (*MOUNTS, {"name": "webhook", "mountPath": path, "readOnly": True})
    volumes = (*VOLUMES, {"name": "webhook", "hostPath": {"path": path, "type": "File"}})
    server = api_server(flags=[*GOOD, f"--audit-webhook-config-file={path}"], mounts=mounts, volumes=volumes)
    found = webhook(tmp_path, WEBHOOK.replace("SERVER", SINK), [server])
    assert found.serious() == {"AuditVolumeNotMounted"}
    assert (
        "/etc/kubernetes/audit/ca.crt (certificate-authority of webhook.yaml)"
        in found.one("AuditVolumeNotMounted").summary
    )
