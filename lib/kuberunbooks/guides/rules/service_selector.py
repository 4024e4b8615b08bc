"""A Service's selector that finds no pod: that, and which pods it was probably meant for.

Asked by the pods guide about the Services around its pods and by the services guide.
"""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.findings import Finding, Severity, finding
from kuberunbooks.objects import Service, labels_text

from .near_miss import NearMiss


def judge_selector(
    service: Service, near: NearMiss | None, *, proven: bool, severity: Severity | None = None
) -> Iterator[Finding]:
    """Of a Service whose selector found nothing. `proven`: all pods there are were read.

    With `severity` every finding gets that one.
    """
    selector = labels_text(service.spec.selector)
    differences = [[one.wanted, one.found] for one in near.differences] if near else []
    who = near.who if near else ""
    if proven:
        yield finding(
            "ServiceSelectorMatchesNothing",
            service,
            severity=severity,
            evidence=service.cite("spec.selector"),
            selector=selector,
            near=who,
            differences=differences,
        )
    if near is not None:
        yield finding(
            "ServiceSelectorNearMiss",
            service,
            severity=severity,
            evidence=service.cite("spec.selector"),
            likely=True,
            selector=selector,
            near=who,
            differences=differences,
        )
