"""The recorded incidents services and services-nftables: every Service has its verdict."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Diagnose = Callable[..., Any]

VERDICTS = {
    "wrong-selector": ("ServiceSelectorMatchesNothing", "version=v1 where it wants version=v2"),
    "wrong-port": ("ServiceTargetPortMismatch", "9376"),
    "wrong-port-name": ("ServiceNamedPortMissing", "named web"),
    "no-selector": ("ServiceNoSelector", "no selector"),
    "lb": ("LoadBalancerPending", "load balancer"),
    "udp-mismatch": ("ServiceProtocolMismatch", "UDP"),
    # These are right in themselves: what is wrong is around them.
    "hostnames": ("DnsServiceMissing", "DNS"),
    "headless": ("DnsServiceMissing", "DNS"),
    "external": ("DnsServiceMissing", "DNS"),
}
RIGHT = ("hostnames", "headless", "external")


@pytest.mark.parametrize("name", VERDICTS)
@pytest.mark.parametrize("recorded", ["services", "services-nftables"])
def test_every_recorded_service_has_its_verdict(diagnose: Diagnose, recorded: str, name: str) -> None:
    found = diagnose(recorded, f"service/{name}", namespace="services", guide="services")
    code, words = VERDICTS[name]
    assert found.headline.code == code
    assert words in found.headline.summary
    assert found.headline.evidence


@pytest.mark.parametrize("recorded", ["services", "services-nftables"])
def test_hostnames_itself_is_right(diagnose: Diagnose, recorded: str) -> None:
    found = diagnose(recorded, "service/hostnames", namespace="services", guide="services")
    assert found.one("ServiceEndpointsHealthy").severity == "ok"
    assert {"ServiceDefinitionOk", "ServiceIpOk", "ProxyRulesOk", "PodHealthy"} <= found.codes()
    assert found.one("NetworkPolicyRestrictsSources").facts
    about_itself = {one.code for one in found.findings if one.severity in ("critical", "warning")}
    assert not {
        code for code in about_itself if code.startswith(("Service", "Proxy", "Pod", "KubeProxy"))
    } - {"ServiceDnsFails"}


def test_the_picture_shows_where_the_way_breaks(diagnose: Diagnose) -> None:
    found = diagnose(
        "services", "service/wrong-port", namespace="services", guide="services", client="pod/client"
    )
    (route,) = (one for one in found.steps["SV-16"].exhibits if hasattr(one, "hops"))
    states = {hop.label: hop.state for hop in route.hops}
    assert (states["Service"], states["Pods"], states["Slices"]) == ("critical", "critical", "ok")
    assert states["DNS"] == "critical"


@pytest.mark.parametrize("target", ["", "service/frontend", "deployment/frontend"])
def test_a_healthy_namespace_is_silent(diagnose: Diagnose, target: str) -> None:
    found = diagnose("healthy", target, guide="services")
    assert not found.serious()
    assert found.session._target.backings


def test_all_services_of_the_namespace_are_told_together(diagnose: Diagnose) -> None:
    found = diagnose("services", guide="services")
    told = {one.subject.name: one.code for one in found.findings if one.severity == "critical"}
    for name in ("wrong-selector", "wrong-port", "wrong-port-name", "no-selector", "udp-mismatch"):
        assert name in told


@pytest.mark.parametrize("recorded", ["crashloop", "probes", "statefulsets", "config-missing"])
def test_why_no_pod_is_ready_is_the_pods_own_cause(diagnose: Diagnose, recorded: str) -> None:
    found = diagnose(recorded, guide="services")
    behind_services = [one for one in found.findings if one.code == "ServiceEndpointsNotReady"]
    assert found.headline is None or found.headline.code not in (
        "ServiceEndpointsNotReady",
        "ServiceNoEndpoints",
    )
    assert behind_services or not found.serious()
