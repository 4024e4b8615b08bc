"""A few metrics out of an answer in Prometheus' text format."""

from __future__ import annotations

from datetime import UTC, datetime

from kuberunbooks.guides.rules.prometheus_text import Sample, samples

TEXT = b"""\
# HELP apiserver_audit_event_total [ALPHA] Counter of audit events generated and sent to the audit backend.
# TYPE apiserver_audit_event_total counter
apiserver_audit_event_total 1234
apiserver_audit_event_total_other 1
apiserver_audit_error_total{plugin="webhook"} 7
etcd_bucket{le="0.005",operation="get"} 3
etcd_bucket{le="+Inf",operation="get"} 4
container_start_time_seconds{container="a}b\\"c",namespace="x"} 1.7e+09 1795470492677
"""


def test_only_the_wanted_metrics_are_given_with_their_labels() -> None:
    assert list(samples(TEXT, ["apiserver_audit_event_total", "apiserver_audit_error_total"])) == [
        Sample("apiserver_audit_event_total", {}, 1234.0),
        Sample("apiserver_audit_error_total", {"plugin": "webhook"}, 7.0),
    ]


def test_the_buckets_of_a_histogram_are_samples_of_their_own() -> None:
    found = list(samples(TEXT, ["etcd_bucket"]))
    assert [(one.labels["le"], one.value) for one in found] == [("0.005", 3.0), ("+Inf", 4.0)]


def test_a_label_may_hold_braces_and_quotes_and_a_sample_its_own_time() -> None:
    (one,) = samples(TEXT, ["container_start_time_seconds"])
    assert one.labels["container"] == 'a}b"c'
    assert one.at == datetime(2026, 11, 23, 21, 48, 12, 677000, tzinfo=UTC)


def test_a_cut_off_or_foreign_answer_gives_what_can_be_read() -> None:
    assert [one.value for one in samples(TEXT + b'etcd_bucket{le="1', ["etcd_bucket"])] == [3.0, 4.0]
    assert list(samples(b"<html>etcd_bucket</html>\xff", ["etcd_bucket"])) == []
    assert list(samples(b"etcd_bucket nonsense\netcd_bucket{ 4\n", ["etcd_bucket"])) == []
