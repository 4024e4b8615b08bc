"""SV-04 to SV-06: what lookups and the client's resolver say of a Service's name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.made_cases import event, node
from tests.support.made_dns import (
    DNS_IP,
    RESOLV_CONF,
    WEB_IP,
    Items,
    check_words,
    client,
    core_dns,
    looked_up,
    made,
    refused,
    resolved,
    said,
    unknown,
    web,
    write_transcripts,
)

FULL = "web.shop.svc.cluster.local"
Ask = Callable[..., Any]


@pytest.fixture
def ask(examine: Callable[..., Any], tmp_path: Path) -> Ask:
    """`ask(transcripts)`: the services guide on service/web with these transcripts."""

    def run(transcripts: list[dict[str, Any]], items: Items | None = None, **options: Any) -> Any:
        path = write_transcripts(tmp_path, transcripts)
        chosen = items if items is not None else [*web(), client()]
        found = examine([*chosen, node()], "service/web", guide="services", transcripts=path, **options)
        check_words(found)
        return found

    return run


def test_a_name_that_leads_to_the_service_is_right(ask: Ask) -> None:
    found = ask(looked_up(short=resolved("web"), qualified=resolved("web.shop"), full=resolved(FULL)))
    assert found.one("ServiceDnsOk").severity == "ok"
    assert found.steps["SV-04"].status == "ok"
    assert found.serious() == set()


def test_without_lookups_nothing_is_claimed_and_the_command_is_told(ask: Ask) -> None:
    found = ask([], client="pod/client")
    step = found.steps["SV-04"]
    assert (step.status, step.findings) == ("skipped", [])
    assert "kubectl exec -n shop client -- sh -xc 'cat /etc/resolv.conf; nslookup web; " in str(step.exhibits)


def test_the_same_name_short_in_another_namespace_is_the_mistake_of_the_client(ask: Ask) -> None:
    there = [
        said("nslookup web", unknown("web"), namespace="front"),
        said("nslookup web.shop", resolved("web.shop"), namespace="front"),
    ]
    found = ask(there, [*web(), client("front")])
    one = found.one("ServiceDnsCrossNamespace")
    assert one.severity == "warning"
    assert "web.shop" in one.summary
    assert found.serious() == {"ServiceDnsCrossNamespace"}


def test_a_namesake_in_the_clients_namespace_is_said_only_of_the_client(ask: Ask) -> None:
    there = [said("nslookup web", resolved("web", "10.96.1.1"), namespace="front")]
    items = [*web(), client("front")]
    assert "10.96.1.1" in ask(there, items, client="front/pod/client").one("ServiceDnsCrossNamespace").summary


def test_a_namesake_asked_for_by_somebody_else_is_no_alarm(ask: Ask) -> None:
    there = [said("nslookup web", resolved("web", "10.96.1.1"), namespace="front")]
    found = ask(there, [*web(), client("front")])
    assert found.serious() == set()
    assert found.steps["SV-04"].status == "skipped"


def test_only_the_short_name_fails_in_the_services_own_namespace(ask: Ask) -> None:
    found = ask(looked_up(short=unknown("web"), qualified=resolved("web.shop"), full=resolved(FULL)))
    assert found.one("ServiceDnsShortNameFails").severity == "critical"
    assert found.headline.code == "ServiceDnsShortNameFails"


def test_only_the_full_name_works(ask: Ask) -> None:
    found = ask(looked_up(short=unknown("web"), qualified=unknown("web.shop"), full=resolved(FULL)))
    assert found.one("ServiceDnsQualifiedFails").severity == "critical"
    assert {"ServiceDnsShortNameFails", "ServiceDnsFails"} & found.codes() == set()


def test_busybox_that_does_not_search_is_no_alarm(ask: Ask) -> None:
    bare = f"Server:\t\t{DNS_IP}\nAddress:\t{DNS_IP}:53\n\n** server can't find web.shop: NXDOMAIN\n\n"
    found = ask(looked_up(short=resolved("web"), qualified=bare, full=resolved(FULL)))
    assert found.serious() == set()
    assert "ServiceDnsOk" in found.codes()


def test_no_answer_speaks_of_the_server(ask: Ask) -> None:
    found = ask(looked_up(short=refused(), qualified=refused(), full=refused()))
    one = found.one("ServiceDnsFails")
    assert one.severity == "critical"
    assert f"No DNS server answers pod shop/client at {DNS_IP} (connection refused)" in one.summary


def test_an_unknown_name_speaks_of_the_name(ask: Ask) -> None:
    found = ask(looked_up(short=unknown("web"), qualified=unknown("web.shop"), full=unknown(FULL)))
    assert "there is no web" in found.one("ServiceDnsFails").summary


def test_a_pod_of_another_namespace_that_gets_no_answer_is_no_matter_of_namespaces(ask: Ask) -> None:
    there = [said("nslookup web", refused(), namespace="front")]
    assert "ServiceDnsFails" in ask(there, [*web(), client("front")]).codes()


def test_of_the_same_question_the_newest_answer_counts(ask: Ask) -> None:
    first = said("nslookup web", refused()) | {"at": "2026-11-23T11:00:00Z"}
    then = said("nslookup web", resolved("web")) | {"at": "2026-11-23T11:30:00Z"}
    found = ask([then, first])
    assert found.serious() == set()
    assert "ServiceDnsOk" in found.codes()


def test_an_address_that_is_not_the_services_is_wrong(ask: Ask) -> None:
    one = ask(looked_up(full=resolved(FULL, "10.96.9.9"))).one("ServiceDnsWrongAddress")
    assert one.severity == "warning"
    assert "10.96.9.9" in one.summary
    assert WEB_IP in one.summary


def test_a_headless_service_leads_to_its_pods(ask: Ask) -> None:
    items = [*web(clusterIP="None", clusterIPs=["None"]), client()]
    assert "ServiceDnsOk" in ask(looked_up(full=resolved(FULL, "10.0.0.5")), items).codes()


def test_a_headless_service_that_leads_elsewhere_is_wrong(ask: Ask) -> None:
    items = [*web(clusterIP="None", clusterIPs=["None"]), client()]
    assert "ServiceDnsWrongAddress" in ask(looked_up(full=resolved(FULL, "10.0.0.99")), items).codes()


def test_a_headless_service_without_pods_has_no_name_and_that_is_no_fault_of_the_dns(ask: Ask) -> None:
    service = web(clusterIP="None", clusterIPs=["None"])[0]
    found = ask(looked_up(full=unknown(FULL)), [service, client()])
    assert "ServiceDnsFails" not in found.codes()


def test_an_external_name_is_compared_by_its_alias(ask: Ask) -> None:
    service = made("Service", "web", "shop", spec={"type": "ExternalName", "externalName": "db.example.com"})
    alias = f"{FULL}\tcanonical name = db.example.com.\nName:\tdb.example.com\nAddress: 192.0.2.1\n"
    server = f"Server:\t\t{DNS_IP}\nAddress:\t{DNS_IP}#53\n\n"
    assert "ServiceDnsOk" in ask(looked_up(full=server + alias), [service, client()]).codes()


def test_an_external_name_with_another_alias_is_wrong(ask: Ask) -> None:
    service = made("Service", "web", "shop", spec={"type": "ExternalName", "externalName": "db.example.com"})
    alias = f"{FULL}\tcanonical name = old.example.com.\nName:\told.example.com\nAddress: 192.0.2.1\n"
    found = ask(looked_up(full=f"Server:\t\t{DNS_IP}\nAddress:\t{DNS_IP}#53\n\n{alias}"), [service, client()])
    assert "old.example.com" in found.one("ServiceDnsWrongAddress").summary


def test_an_external_name_that_does_not_exist_is_said_so(ask: Ask) -> None:
    service = made("Service", "web", "shop", spec={"type": "ExternalName", "externalName": "db.example.com"})
    text = f"{FULL}\tcanonical name = db.example.com.\n** server can't find db.example.com: NXDOMAIN\n"
    found = ask(looked_up(full=f"Server:\t\t{DNS_IP}\nAddress:\t{DNS_IP}#53\n\n{text}"), [service, client()])
    assert "alias of db.example.com" in found.one("ServiceDnsFails").summary


def test_a_request_by_name_is_a_lookup_too(ask: Ask) -> None:
    failed = said("curl -sS http://web/", "000\n", code=6) | {
        "stderr": "curl: (6) Could not resolve host: web\n"
    }
    assert "ServiceDnsFails" in ask([failed]).codes()


def test_names_of_other_things_say_nothing_of_the_service(ask: Ask) -> None:
    found = ask([said("nslookup example.com", unknown("example.com")), said("nslookup db", unknown("db"))])
    assert found.serious() == set()
    assert found.steps["SV-04"].status == "skipped"


def test_an_answer_of_another_nameserver_is_not_the_clusters(ask: Ask) -> None:
    text = unknown(FULL, server="8.8.8.8")
    found = ask([said(f"nslookup {FULL} 8.8.8.8", text)], [*web(), client(), *core_dns()])
    assert found.serious() == set()


def test_a_pasted_session_without_a_pod_is_read(
    ask: Ask, examine: Callable[..., Any], tmp_path: Path
) -> None:
    path = tmp_path / "session.txt"
    path.write_text(f"+ cat /etc/resolv.conf\n{RESOLV_CONF}+ nslookup web\n{refused()}")
    found = examine([*web(), *core_dns(), node()], "service/web", guide="services", transcripts=str(path))
    assert "No DNS server answers a pod" in found.one("ServiceDnsFails").summary
    assert "ResolvConfOk" in found.codes()


def test_a_lookup_before_the_service_was_made_says_nothing_of_it(ask: Ask) -> None:
    early = said(f"nslookup {FULL}", unknown(FULL)) | {"at": "2026-11-23T09:00:00Z"}
    found = ask([early])
    assert found.serious() == set()
    assert found.steps["SV-04"].status == "skipped"


def test_what_the_client_is_told_goes_before_what_others_are_told(ask: Ask) -> None:
    other = said(f"nslookup {FULL}", refused(), pod="other")
    found = ask([*looked_up(full=resolved(FULL)), other], client="pod/client")
    assert "ServiceDnsFails" not in found.codes()


# ------------------------------------------------------------------ nodes
def test_a_node_that_is_answered_is_right(ask: Ask) -> None:
    found = ask([said(f"nslookup {FULL} {DNS_IP}", resolved(FULL), node="n1")])
    assert found.one("NodeDnsOk").subject.name == "n1"


def test_a_node_that_gets_no_answer_is_not(ask: Ask) -> None:
    found = ask([said(f"dig @{DNS_IP} {FULL}", refused(), node="n1")])
    assert found.one("NodeDnsFails").severity == "critical"


def test_the_resolver_of_a_node_need_not_know_services(ask: Ask) -> None:
    found = ask([said(f"nslookup {FULL}", unknown(FULL, server="192.168.1.1"), node="n1")])
    assert found.serious() == set()
    assert found.steps["SV-05"].status == "skipped"


def test_an_unknown_name_of_no_service_is_no_fault_of_the_node(ask: Ask) -> None:
    name = "nosuch.shop.svc.cluster.local"
    found = ask([said(f"nslookup {name} {DNS_IP}", unknown(name), node="n1")])
    assert found.serious() == set()


def test_a_node_that_is_told_another_address_is_told_wrong(ask: Ask) -> None:
    found = ask([said(f"nslookup {FULL} {DNS_IP}", resolved(FULL, "10.96.9.9"), node="n1")])
    assert "ServiceDnsWrongAddress" in found.codes()


# ------------------------------------------------------------------ resolv.conf
def conf(text: str = RESOLV_CONF) -> list[dict[str, Any]]:
    return [said("cat /etc/resolv.conf", text)]


def test_the_file_the_kubelet_writes_is_right(ask: Ask) -> None:
    found = ask(conf(), [*web(), client(), *core_dns()])
    assert found.one("ResolvConfOk").severity == "ok"
    assert found.serious() == set()


def test_a_cache_on_the_node_is_right(ask: Ask) -> None:
    found = ask(conf(RESOLV_CONF.replace(DNS_IP, "169.254.20.10")), [*web(), client(), *core_dns()])
    assert "ResolvConfOk" in found.codes()


def test_a_nameserver_outside_is_wrong(ask: Ask) -> None:
    found = ask(conf(RESOLV_CONF.replace(DNS_IP, "8.8.8.8")), [*web(), client(), *core_dns()])
    one = found.one("ResolvConfNameserverWrong")
    assert one.severity == "critical"
    assert DNS_IP in one.summary


def test_a_nameserver_that_is_another_service_is_not_called_wrong(ask: Ask) -> None:
    other = made("Service", "names", "infra", spec={"clusterIP": "10.96.0.99"})
    found = ask(conf(RESOLV_CONF.replace(DNS_IP, "10.96.0.99")), [*web(), client(), *core_dns(), other])
    assert found.serious() == set()


def test_a_nameserver_that_knows_services_is_not_called_wrong(ask: Ask) -> None:
    other = conf(RESOLV_CONF.replace(DNS_IP, "172.16.0.9"))
    found = ask(
        [*other, *looked_up(full=resolved(FULL, server="172.16.0.9"))], [*web(), client(), *core_dns()]
    )
    assert found.serious() == set()
    assert "ResolvConfOk" in found.codes()


def test_a_nameserver_is_not_called_wrong_where_the_dns_is_not_known(ask: Ask) -> None:
    found = ask(conf(RESOLV_CONF.replace(DNS_IP, "10.43.0.10")))
    assert found.serious() == set()
    assert "ResolvConfOk" not in found.codes()
    assert found.steps["SV-06"].status == "skipped"


def test_a_search_list_without_the_cluster_is_incomplete(ask: Ask) -> None:
    found = ask(
        conf(f"search corp.example\nnameserver {DNS_IP}\noptions ndots:5\n"), [*web(), client(), *core_dns()]
    )
    assert "shop.svc.cluster.local" in found.one("ResolvConfSearchMissing").summary


def test_another_cluster_domain_is_taken_from_the_list_itself(ask: Ask) -> None:
    text = RESOLV_CONF.replace("cluster.local", "corp.example")
    items = [
        *web(),
        client(),
        *core_dns(corefile=".:53 {\n kubernetes corp.example\n forward . 1.1.1.1\n}\n"),
    ]
    assert ask(conf(text), items).serious() == set()


def test_low_ndots_matters_for_names_with_as_many_dots(ask: Ask) -> None:
    text = RESOLV_CONF.replace("ndots:5", "ndots:1")
    qualified = looked_up(qualified=resolved("web.shop"))
    found = ask([*conf(text), *qualified], [*web(), client(), *core_dns()])
    assert found.one("ResolvConfNdotsLow").severity == "warning"


@pytest.mark.parametrize("ndots", ["ndots:2", "ndots:5"])
def test_ndots_above_the_dots_in_the_names_is_enough(ask: Ask, ndots: str) -> None:
    text = RESOLV_CONF.replace("ndots:5", ndots)
    asked = looked_up(short=resolved("web"), qualified=resolved("web.shop"), full=resolved(FULL))
    found = ask([*conf(text), *asked], [*web(), client(), *core_dns()])
    assert found.serious() == set()


def test_too_many_nameservers_are_said(ask: Ask) -> None:
    text = RESOLV_CONF + "nameserver 1.1.1.1\nnameserver 1.1.1.2\nnameserver 1.1.1.3\n"
    assert (
        "4 nameservers" in ask(conf(text), [*web(), client(), *core_dns()]).one("ResolvConfTooLong").summary
    )


def test_the_kubelets_word_that_it_left_something_out_is_passed_on(ask: Ask) -> None:
    asker = client()
    left_out = event(
        asker, "DNSConfigForming", "Search Line limits were exceeded, some search paths", type_="Warning"
    )
    found = ask(conf(), [*web(), asker, left_out, *core_dns()])
    assert "Search Line limits" in found.one("ResolvConfTooLong").summary


@pytest.mark.parametrize(
    ("spec", "said_so"),
    [
        ({"hostNetwork": True}, "hostNetwork"),
        ({"dnsPolicy": "Default"}, "Default"),
        ({"dnsPolicy": "None", "dnsConfig": {"nameservers": ["8.8.8.8"]}}, "8.8.8.8"),
    ],
)
def test_a_policy_that_leads_to_other_nameservers_is_said(
    ask: Ask, spec: dict[str, Any], said_so: str
) -> None:
    found = ask([], [*web(), client(**spec), *core_dns()], client="pod/client")
    one = found.one("DnsPolicyNotClusterFirst")
    assert one.severity == "warning"
    assert said_so in one.summary


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"},
        {"dnsPolicy": "None", "dnsConfig": {"nameservers": [DNS_IP], "searches": ["svc.cluster.local"]}},
    ],
)
def test_a_policy_that_leads_to_the_cluster_is_right(ask: Ask, spec: dict[str, Any]) -> None:
    found = ask([], [*web(), client(**spec), *core_dns()], client="pod/client")
    assert found.serious() == set()


def test_the_policy_explains_the_file_and_the_lookups(ask: Ask) -> None:
    text = "nameserver 192.168.1.1\n"
    answers = looked_up(short=unknown("web"), qualified=unknown("web.shop"), full=unknown(FULL))
    found = ask([*conf(text), *answers], [*web(), client(dnsPolicy="Default"), *core_dns()])
    assert "ResolvConfNameserverWrong" not in found.codes()
    assert found.headline.code == "DnsPolicyNotClusterFirst"


def test_a_policy_is_no_fault_where_the_file_leads_to_the_cluster(ask: Ask) -> None:
    found = ask(conf(), [*web(), client(dnsPolicy="Default"), *core_dns()])
    assert found.serious() == set()


def test_nothing_is_claimed_of_the_pods_behind_the_service(ask: Ask) -> None:
    items = [*web(), *core_dns()]
    items[1]["spec"] |= {"dnsPolicy": "Default", "hostNetwork": True}
    behind = [said("cat /etc/resolv.conf", "nameserver 192.168.1.1\n", pod="web-1")]
    found = ask(behind, items)
    assert found.steps["SV-06"].status == "skipped"
    assert found.steps["SV-06"].findings == []


def test_a_paste_with_the_resolv_conf_of_a_pod_is_of_a_pod_though_a_node_was_named(
    examine: Callable[..., Any], tmp_path: Path
) -> None:
    pasted = tmp_path / "session.txt"
    pasted.write_text(f"$ cat /etc/resolv.conf\n{RESOLV_CONF}\n$ nslookup web\n{refused()}")
    found = examine(
        [*web(), client(), node()],
        "service/web",
        guide="services",
        transcripts=str(pasted),
        transcripts_node="n1",
    )
    assert found.steps["SV-04"].status == "critical"
    assert found.steps["SV-05"].status == "skipped"
