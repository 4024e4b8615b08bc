"""IC-05: what an init container waits for, and what the cluster has there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kuberunbooks.findings.headline import without_explained
from tests.conftest import Diagnosis
from tests.guides.test_init_containers_steps import starting
from tests.support.containers import container, ran, write_log
from tests.support.made_cases import ago, make_case, node, owner, pod, workload

LONG, YOUNG = 1800.0, 60.0


def service(name: str = "db", *, namespace: str = "shop", port: int = 5432, **spec: Any) -> dict[str, Any]:
    meta = {"name": name, "namespace": namespace, "uid": f"uid-{name}", "creationTimestamp": ago(9000)}
    ports = [{"name": "main", "port": port, "protocol": "TCP"}]
    return {
        "kind": "Service",
        "metadata": meta,
        "spec": {"clusterIP": "10.96.0.7", "selector": {"app": name}, "ports": ports, **spec},
    }


def slices(of: str = "db", *ready: bool, namespace: str = "shop") -> dict[str, Any]:
    endpoints = [
        {
            "addresses": [f"10.0.0.{place}"],
            "conditions": {"ready": one},
            "targetRef": {"kind": "Pod", "name": f"{of}-{place}", "namespace": namespace},
        }
        for place, one in enumerate(ready)
    ]
    labels = {"kubernetes.io/service-name": of}
    return {
        "kind": "EndpointSlice",
        "metadata": {"name": f"{of}-x", "namespace": namespace, "labels": labels},
        "addressType": "IPv4",
        "endpoints": endpoints or None,
        "ports": [{"name": "main", "port": 5432, "protocol": "TCP"}],
    }


def waiter(
    script: str = "until nc -z db 5432; do sleep 2; done", seconds: float = LONG, **more: Any
) -> dict[str, Any]:
    """A pod whose only init container runs a script since so many seconds."""
    status = more.pop("container", None) or container("wait", running=seconds)
    specs = [
        {
            "name": "wait",
            "image": "a",
            "command": ["sh", "-c", script] if script else [],
            **more.pop("init", {}),
        }
    ]
    return starting(status, specs=specs, **more)


@pytest.fixture
def ask(tmp_path: Path) -> Callable[..., Diagnosis]:
    """The guide on these objects; `log` is the init container's."""

    def run(
        *items: dict[str, Any], log: str = "", target: str = "pod/web-1", without: tuple[str, ...] = ()
    ) -> Diagnosis:
        folder = make_case(tmp_path / "case", [*items, node()], without=without)
        if log:
            write_log(folder, log, name="wait")
        found = Diagnosis(folder, target, "shop", guide="init-containers")
        for one in found.findings:
            assert one.title != one.code, one.code
            for text in (one.title, one.summary, one.explanation):
                assert "  " not in text, (one.code, text)
                assert "{" not in text, (one.code, text)
        return found

    return run


Ask = Callable[..., Diagnosis]


def test_a_service_that_does_not_exist_is_what_holds_it_up(ask: Ask) -> None:
    found = ask(waiter(), service("db-main"))
    one = found.headline
    assert (one.code, one.severity) == ("InitWaitsFor", "warning")
    assert "waits for db:5432, and namespace shop has no Service db" in one.summary
    assert "kubectl get services -n shop" in [step.command for step in one.next]
    assert {cited.path for cited in one.evidence} == {"spec.initContainers[0].command[2]", "db"}


def test_a_service_spelt_alike_is_named(ask: Ask) -> None:
    found = ask(waiter("nc -z dbmain 5432"), service("db-main"))
    assert "no Service dbmain, only db-main" in found.headline.summary


def test_a_service_without_ready_endpoints_is_what_holds_it_up(ask: Ask) -> None:
    found = ask(waiter(), service(), slices("db", False, False))
    assert found.headline.code == "InitWaitsFor"
    assert "none of the 2 endpoints of Service db is ready" in found.headline.summary
    commands = [step.command for step in found.headline.next]
    assert "kubectl get pods -n shop -l app=db -o wide" in commands
    assert "kubectl get endpointslices -n shop -l kubernetes.io/service-name=db" in commands


def test_a_service_with_no_endpoint_at_all_says_so(ask: Ask) -> None:
    assert "Service db has no endpoint" in ask(waiter(), service()).headline.summary


def test_a_port_the_service_does_not_have_is_named(ask: Ask) -> None:
    found = ask(waiter("nc -z db 5433"), service(), slices("db", True))
    assert found.headline.code == "InitWaitsFor"
    assert "no port 5433, only 5432" in found.headline.summary


def test_a_headless_service_is_asked_for_no_port(ask: Ask) -> None:
    found = ask(waiter("nc -z db 9999"), service(clusterIP="None"), slices("db", True))
    assert found.one("InitWaitsFor").severity == "info"


def test_a_service_that_is_there_is_no_reason_for_an_alarm_of_its_own(ask: Ask) -> None:
    found = ask(waiter(), service(), slices("db", True, False))
    assert found.headline.code == "InitContainerLongRunning"
    one = found.one("InitWaitsFor")
    assert one.severity == "info"
    assert "Service db is there and has 1 ready endpoint." in one.summary


@pytest.mark.parametrize("around", [(), (service(), slices("db", False))])
def test_a_young_wait_is_no_alarm(around: tuple[dict[str, Any], ...], ask: Ask) -> None:
    found = ask(waiter(seconds=YOUNG), *around)
    assert found.serious() == set()
    assert found.headline.code == "InitProgress"
    assert found.one("InitWaitsFor").severity == "info"


def test_a_service_made_this_minute_is_no_alarm(ask: Ask) -> None:
    new = service()
    new["metadata"]["creationTimestamp"] = ago(20)
    assert ask(waiter(), new).one("InitWaitsFor").severity == "info"


@pytest.mark.parametrize("without", [("Service",), ("EndpointSlice",)])
def test_what_was_not_read_is_not_said_to_be_missing(without: tuple[str, ...], ask: Ask) -> None:
    found = ask(waiter(), service(), without=without)
    one = found.one("InitWaitsFor")
    assert one.severity == "info"
    assert "no Service" not in one.summary
    assert "no endpoint" not in one.summary


@pytest.mark.parametrize(
    "host", ["db.shop", "db.shop.svc", "db.shop.svc.cluster.local", "db.shop.svc.cluster.local.", "DB"]
)
def test_every_name_of_a_service_leads_to_it(host: str, ask: Ask) -> None:
    found = ask(waiter(f"nc -z {host} 5432"), service(), slices("db", True))
    assert "Service db is there" in found.one("InitWaitsFor").summary


def test_a_service_of_another_namespace_is_looked_for_there(ask: Ask) -> None:
    other = [service(namespace="data"), slices("db", False, namespace="data")]
    found = ask(waiter("nc -z db.data 5432"), *other)
    assert "the only endpoint of Service db is not ready" in found.headline.summary
    assert "kubectl get pods -n data -l app=db -o wide" in [step.command for step in found.headline.next]


def test_a_missing_service_of_another_namespace_is_missing(ask: Ask) -> None:
    found = ask(waiter("nc -z db.data.svc 5432"), service("other", namespace="data"))
    assert "namespace data has no Service db" in found.headline.summary


@pytest.mark.parametrize("host", ["db.example.com", "github.com", "warehouse.internal"])
def test_a_name_of_the_world_outside_is_no_missing_service(host: str, ask: Ask) -> None:
    one = ask(waiter(f"nc -z {host} 5432")).one("InitWaitsFor")
    assert one.severity == "info"
    assert "no name of this cluster" in one.summary


def test_one_pod_behind_a_headless_service_is_looked_for_by_name(ask: Ask) -> None:
    around = [service(clusterIP="None"), slices("db", True, False)]
    assert ask(waiter("nc -z db-0.db 5432"), *around).one("InitWaitsFor").severity == "info"
    found = ask(waiter("nc -z db-1.db.shop.svc.cluster.local 5432"), *around)
    assert "db-1 is no ready endpoint of Service db" in found.headline.summary


@pytest.mark.parametrize(
    "spec",
    [
        {"hostNetwork": True},
        {"dnsPolicy": "Default"},
        {"hostAliases": [{"ip": "10.1.1.1", "hostnames": ["db"]}]},
        {"dnsConfig": {"searches": ["corp.example.com"]}},
    ],
)
def test_a_pod_that_resolves_names_its_own_way_misses_no_service(spec: dict[str, Any], ask: Ask) -> None:
    assert ask(waiter(spec=spec)).one("InitWaitsFor").severity == "info"


def test_addresses_of_services_and_pods_are_recognised(ask: Ask) -> None:
    around = [service(), slices("db", False), pod("cache-0", status={"podIP": "10.0.0.9"})]
    assert "Service db" in ask(waiter("nc -z 10.96.0.7 5432"), *around).headline.summary
    assert (
        "that is pod cache-0, which is ready"
        in ask(waiter("nc -z 10.0.0.9 80"), *around).one("InitWaitsFor").summary
    )
    one = ask(waiter("nc -z 10.9.9.9 80"), *around).one("InitWaitsFor")
    assert "no Service and no pod of namespace shop has that address" in one.summary
    assert one.severity == "info"


def test_its_own_pod_cannot_answer_before_it_is_through(ask: Ask) -> None:
    one = ask(waiter("curl -sf localhost:15020/ready")).one("InitWaitsFor")
    assert "its own pod" in one.summary
    assert "No sidecar is started before it" in one.explanation


def test_a_service_that_selects_the_waiting_pod_itself_is_noticed(ask: Ask) -> None:
    web = waiter(labels={"app": "db"})
    assert "to wait for itself" in ask(web, service(), slices("db", False)).headline.explanation


def test_the_log_goes_before_the_command_and_lends_its_port(ask: Ask) -> None:
    script = "nc -z db 5432; nc -z queue 5672"
    around = [service(), slices("db", True)]
    found = ask(waiter(script), *around, log="db is up\nnc: bad address 'queue'\n")
    one = found.headline
    assert "waits for queue:5672, and namespace shop has no Service queue" in one.summary
    assert "nc: bad address 'queue'" in one.explanation
    assert "It also names db:5432" in one.explanation
    assert [cited.path for cited in one.evidence][:2] == ["line 2", "spec.initContainers[0].command[2]"]


def test_of_several_in_the_command_the_one_that_is_not_there_holds_it_up(ask: Ask) -> None:
    found = ask(waiter("nc -z db 5432; nc -z queue 5672"), service(), slices("db", True))
    assert "queue:5672" in found.headline.summary


def test_the_environment_counts_only_when_nothing_else_names_an_address(ask: Ask) -> None:
    env = {"env": [{"name": "DB_URL", "value": "postgres://me:hunter2@db:5432/x"}]}
    one = ask(waiter("", init=env)).one("InitWaitsFor")
    assert (one.severity, one.confidence) == ("info", "likely")
    assert "is told of db:5432 in its environment" in one.summary
    assert "hunter2" not in str(one)
    both = ask(waiter("nc -z queue 5672", init=env)).one("InitWaitsFor")
    assert "queue:5672" in both.summary
    assert "db:5432" not in both.explanation


def test_a_container_that_fails_for_want_of_a_connection_is_told_what_is_missing(ask: Ask) -> None:
    failing = container("wait", waiting=("CrashLoopBackOff", ""), last=ran(1), restarts=5)
    found = ask(waiter("", container=failing), log="dial tcp: lookup db on 10.96.0.10:53: no such host")
    assert found.headline.code == "InitCrashLoop"
    one = found.one("InitWaitsFor")
    assert one.severity == "warning"
    assert "tries to reach db, and namespace shop has no Service db" in one.summary


def test_a_container_that_fails_without_naming_an_address_waits_for_nothing(ask: Ask) -> None:
    failing = container("wait", waiting=("CrashLoopBackOff", ""), last=ran(4), restarts=5)
    assert (
        "InitWaitsFor" not in ask(waiter("./migrate", container=failing), log="column price missing").codes()
    )


def test_pods_of_one_workload_are_one_finding(ask: Ask) -> None:
    pods = [
        waiter(name=f"web-{number}", ownerReferences=owner("StatefulSet", "web"), seconds=LONG + number)
        for number in range(3)
    ]
    found = ask(*pods, workload("StatefulSet", "web", replicas=3), target="")
    assert found.headline.code == "InitWaitsFor"
    assert found.headline.count == 3
    assert "all 3 pods of statefulset/web" in found.headline.summary


BROKEN = "nc: invalid option -- 'z'\nwaiting for db\n" * 5


def test_a_tool_that_cannot_do_it_is_the_cause_whatever_the_service(ask: Ask) -> None:
    found = ask(waiter(), service(), slices("db", True), log=BROKEN)
    assert (found.headline.code, found.headline.severity) == ("InitWaitToolFails", "warning")
    assert "whether db:5432 answers or not: its own nc fails each time" in found.headline.summary


def test_a_tool_that_fails_in_a_young_wait_is_no_alarm_yet(ask: Ask) -> None:
    found = ask(waiter(seconds=YOUNG), log=BROKEN)
    assert found.serious() == set()
    assert "InitWaitToolFails" in found.codes()


def test_a_started_sidecar_and_a_container_yet_to_start_wait_for_nothing(ask: Ask) -> None:
    status = container("wait", waiting=("PodInitializing", ""))
    assert "InitWaitsFor" not in ask(waiter(container=status)).codes()
    sidecar = waiter(
        init={"restartPolicy": "Always"}, container=container("wait", running=LONG, started=True)
    )
    assert "InitWaitsFor" not in ask(sidecar).codes()


def test_hostile_names_leave_no_quotes(ask: Ask) -> None:
    found = ask(
        waiter("nc -z '$(reboot)' 80; curl 'http://a;reboot/'; nc -z db';x' 5"),
        log="dial tcp x;y:80: refused",
    )
    for one in found.findings:
        assert "reboot" not in " ".join(step.command for step in one.next)


def test_that_it_runs_on_is_explained_by_what_it_waits_for(ask: Ask) -> None:
    found = ask(waiter())
    left = without_explained([one for one in found.findings if one.severity == "warning"])
    assert [one.code for one in left] == ["InitWaitsFor"]


def test_a_failed_command_is_told_of_an_address_only_when_that_is_not_there(ask: Ask) -> None:
    def failing() -> dict[str, Any]:
        status = container("wait", waiting=("CrashLoopBackOff", ""), last=ran(4), restarts=5)
        env = {"env": [{"name": "CACHE", "value": "cache:6379"}]}
        return waiter("psql -h db -f all.sql", container=status, init=env)

    said = "column price missing"
    assert "InitWaitsFor" not in ask(failing(), service(), slices("db", True), log=said).codes()
    assert ask(failing(), log=said).one("InitWaitsFor").severity == "warning"


def test_a_line_long_overcome_is_no_certain_lead_and_none_of_a_failure(ask: Ask) -> None:
    log = "dial tcp: lookup queue on 10.96.0.10:53: no such host\n" + "".join(
        f"migration {word} done\n" for word in ("one", "two", "three", "four", "five", "six")
    )
    one = ask(waiter("./migrate"), log=log).one("InitWaitsFor")
    assert (one.confidence, one.severity) == ("likely", "info")
    failing = container("wait", waiting=("CrashLoopBackOff", ""), last=ran(4), restarts=5)
    assert "InitWaitsFor" not in ask(waiter("./migrate", container=failing), log=log).codes()
