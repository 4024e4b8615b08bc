"""What is kept of an audit log does not grow with it, and is the same whatever its order."""

from __future__ import annotations

import random
from datetime import timedelta

import msgspec

from kuberunbooks.guides.rules.audit_bounded import Bounded, Burst, Sample
from kuberunbooks.guides.rules.audit_event import decode_many
from kuberunbooks.guides.rules.audit_lines import LinesRead
from kuberunbooks.guides.rules.audit_reader import AuditReader
from kuberunbooks.guides.rules.audit_reading import FileRead, Reading
from kuberunbooks.guides.rules.audit_trail import about_of
from tests.support.audit_events import START, event, lines


def reading(events: list[dict[str, object]], about: str = "") -> Reading:
    reader = AuditReader(about_of(about))
    reader.take(decode_many(lines(events)), "audit.log")
    return reader.reading([FileRead("audit.log", LinesRead())])


def test_the_heaviest_names_are_kept_and_the_others_counted() -> None:
    counts: Bounded[str, list[int]] = Bounded(10, lambda name: [0], lambda one: one[0])
    for number in range(1000):
        counts[f"rare-{number}"][0] += 1
        counts["heavy"][0] += 1
    assert len(counts) <= 20
    assert counts["heavy"][0] == 1000
    assert counts.let_go >= 980


def test_a_burst_is_found_to_the_second_in_any_order() -> None:
    times = [START + timedelta(seconds=second) for second in (0, 299, 300, 301, 400, 900)]
    for order in (times, times[::-1], random.Random(1).sample(times, len(times))):
        burst = Burst(300)
        for at in order:
            burst.add(at)
        peak = burst.peak()
        assert peak is not None
        assert (peak.times, peak.first, peak.last) == (4, times[1], times[4])
        assert (burst.first, burst.last, burst.count) == (times[0], times[-1], 6)


def test_a_burst_keeps_its_peak_through_years() -> None:
    burst = Burst(300)
    for second in range(50):
        burst.add(START + timedelta(seconds=second))
    for hour in range(20_000):
        burst.add(START + timedelta(hours=hour + 1))
    peak = burst.peak()
    assert peak is not None
    assert (peak.times, peak.first) == (50, START)


def test_a_sample_keeps_both_ends() -> None:
    sample: Sample[int] = Sample(2, 3)
    for number in range(10):
        sample.add(number)
    assert list(sample) == [0, 1, 7, 8, 9]
    assert (sample.count, sample.omitted) == (10, 5)


def test_what_is_left_of_a_log_does_not_grow_with_it() -> None:
    def size(times: int) -> int:
        events = []
        for number in range(times):
            user, name = f"user-{number % 900}", f"x-{number}"
            events += [
                event(user, "list", "secrets", code=403, after=number),
                event(user, "get", "secrets", name=name, after=number),
                event(user, "delete", "pods", name=name, after=number),
                event("", "get", "", code=401, after=number, address=f"10.0.{number % 250}.1"),
            ]
        return len(msgspec.json.encode(reading(events)))

    assert size(14_000) < 1.1 * size(10_000) < 1_500_000


def test_requests_are_counted_once_whatever_stages_are_logged() -> None:
    asked = event("eve", "list", "secrets", code=0, stage="RequestReceived")
    answered = asked | {"stage": "ResponseComplete", "responseStatus": {"code": 200}}
    watched = event("eve", "watch", "secrets", stage="ResponseStarted")
    ended = watched | {"stage": "ResponseComplete"}
    open_watch = event("eve", "watch", "pods", stage="ResponseStarted")
    lost = event("eve", "list", "pods", code=0, stage="RequestReceived")
    found = reading([asked, watched, answered, ended, open_watch, lost])
    assert (found.requests, found.unanswered) == (4, 1)
    assert found.secrets[0].count == 2


def test_the_top_lists_add_up_to_all_requests() -> None:
    events = [event(f"user-{number}", code=200 + number % 3) for number in range(50)]
    found = reading(events)
    for counts in (found.users, found.verbs, found.resources, found.codes):
        assert sum(one.count for one in counts) == 50
    assert found.users[-1].name == "(others)"


def test_kubelets_are_counted_as_one() -> None:
    found = reading([event(f"system:node:n{number}") for number in range(50)])
    assert [(one.name, one.count) for one in found.users] == [("system:node:* (kubelets)", 50)]


def test_slow_requests_leave_out_watches_and_connections() -> None:
    found = reading(
        [
            event(took=3.5, name="slow"),
            event(verb="watch", took=600),
            event(sub="exec", code=101, took=60),
            event(sub="log", took=60),
            event(took=0.9),
        ]
    )
    assert [(deed.name, deed.seconds) for deed in found.slow] == [("slow", 3.5)]


def test_use_of_apis_that_go_away_is_counted() -> None:
    old = event("eve", "list", "cronjobs", group="batch")
    old["annotations"] |= {"k8s.io/deprecated": "true", "k8s.io/removed-release": "1.25"}
    found = reading([old, event()])
    assert [(one.who, one.resource, one.removed, one.count) for one in found.deprecated] == [
        ("eve", "cronjobs.batch", "1.25", 1)
    ]


def test_objects_users_addresses_and_requests_can_be_asked_about() -> None:
    events = [
        event("eve", "delete", "pods", name="web-1", namespace="shop"),
        event("eve", "get", "pods", name="web-1", namespace="other", address="10.9.9.9"),
        event("bob", "list", "secrets", namespace="shop", impersonatedUser={"username": "eve"}),
        event("bob", "patch", "networkpolicies", name="deny", namespace="shop"),
        event("bob", "delete", "namespaces", name="shop", namespace="shop"),
    ]
    for about, count in {
        "user/eve": 3,
        "eve": 3,
        "pod/web-1": 2,
        "pods/web-1": 2,
        "po/shop/web-1": 1,
        "pod/other/web-1": 1,
        "web-1": 2,
        "secrets": 1,
        "networkpolicy/deny": 1,
        "ns/shop": 4,
        "10.9.9.9": 1,
        "203.0.113.9": 5,
        str(events[3]["auditID"]): 1,
        "nobody-at-all": 0,
        "user/nobody": 0,
    }.items():
        trail = reading(events, about).trail
        assert trail is not None
        assert trail.count == count, about


def test_a_word_that_is_a_user_is_not_taken_for_an_object() -> None:
    events = [event("admin"), event("eve", "get", "clusterroles", namespace="", name="admin")]
    trail = reading(events, "admin").trail
    assert trail is not None
    assert (trail.count, trail.who[0].name) == (1, "admin")


def test_of_many_requests_those_of_people_that_change_something_are_told() -> None:
    noise = [event("system:node:n1", "patch", name="web-1", sub="status", after=n) for n in range(500)]
    reads = [event("bob", "get", name="web-1", after=n) for n in range(500)]
    deletion = event("eve", "delete", name="web-1", after=250)
    trail = reading([*noise, *reads, deletion], "pod/shop/web-1").trail
    assert trail is not None
    assert (trail.count, len(trail.told)) == (1001, 40)
    assert [deed.user for deed in trail.told if deed.verb == "delete"] == ["eve"]
    assert trail.last_change is not None
    assert trail.last_change.user == "eve"
