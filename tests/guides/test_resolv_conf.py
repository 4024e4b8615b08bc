"""A resolv.conf is read as the resolver reads it."""

from __future__ import annotations

from kuberunbooks.guides.rules.resolv_conf import (
    cluster_domain_of,
    is_node_local,
    missing_searches,
    over_limits,
    read_resolv_conf,
)
from tests.support.made_dns import RESOLV_CONF


def test_the_file_of_a_pod_is_read() -> None:
    found = read_resolv_conf(RESOLV_CONF)
    assert found is not None
    assert found.nameservers == ("10.96.0.10",)
    assert found.search == ("shop.svc.cluster.local", "svc.cluster.local", "cluster.local")
    assert (found.ndots, found.sets_ndots) == (5, True)
    assert cluster_domain_of(found.search) == "cluster.local"


def test_ndots_is_one_when_it_is_not_set_and_the_last_search_line_holds() -> None:
    found = read_resolv_conf(
        "# mine\nsearch a b\nsearch corp.example\nnameserver 1.1.1.1\noptions rotate timeout:1\n"
    )
    assert found is not None
    assert (found.ndots, found.sets_ndots, found.search) == (1, False, ("corp.example",))
    assert cluster_domain_of(found.search) == ""


def test_other_text_is_no_resolv_conf() -> None:
    assert read_resolv_conf("the nameserver is down\n") is None
    assert read_resolv_conf("") is None
    assert read_resolv_conf("options ndots:5\n") is None


def test_what_the_search_list_lacks_is_named() -> None:
    whole = ("shop.svc.corp", "svc.corp", "corp")
    assert missing_searches(whole, "shop", "corp") == []
    assert missing_searches(whole, "other", "corp") == ["other.svc.corp"]
    assert missing_searches(whole, "", "corp") == []
    assert missing_searches(("corp.example",), "shop", "cluster.local") == [
        "shop.svc.cluster.local",
        "svc.cluster.local",
        "cluster.local",
    ]


def test_limits_are_those_of_the_kubelet() -> None:
    few = read_resolv_conf(RESOLV_CONF)
    assert few is not None
    assert over_limits(few) == []
    many = few._replace(nameservers=("1.1.1.1",) * 4, search=("x" * 100,) * 33)
    assert [one.split()[0] for one in over_limits(many)] == ["4", "33", "3332"]


def test_a_link_local_server_is_a_cache_of_the_node() -> None:
    assert is_node_local("169.254.20.10")
    assert not is_node_local("10.96.0.10")
    assert not is_node_local("nonsense")
