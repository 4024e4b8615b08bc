"""OV-04: where to ask, and what to bring along."""

from __future__ import annotations

from collections.abc import Iterator

from kuberunbooks.cluster import Cluster
from kuberunbooks.findings import Column, Finding, Table, entries, finding
from kuberunbooks.findings.headline import order

from ..pods.target import Pods
from ..step import Yielded, step
from .resolve import look_of

# https://kubernetes.io/docs/tasks/debug/#getting-help
_PLACES = (
    ("How do I …, in development", "Stack Overflow", "https://stackoverflow.com/questions/tagged/kubernetes"),
    ("How do I …, in operation", "Server Fault", "https://serverfault.com/questions/tagged/kubernetes"),
    ("Talk to somebody now", "Slack #kubernetes-users, #kubernetes-novice", "https://slack.kubernetes.io"),
    ("In Korean", "Slack #kr-users", "https://slack.kubernetes.io"),
    ("A longer discussion", "Forum", "https://discuss.kubernetes.io"),
    (
        "A bug of Kubernetes (search first)",
        "GitHub issues",
        "https://github.com/kubernetes/kubernetes/issues",
    ),
)
_UNEXPLAINED = frozenset({"ServiceUnexplained", "UnclassifiedSchedulingReason"})


@step(
    "OV-04",
    title="Where to ask, and what to bring along?",
    upstream="https://kubernetes.io/docs/tasks/debug/#getting-help",
)
def asking(target: Pods, cluster: Cluster) -> Iterator[Yielded]:
    """Is there something these runbooks do not explain, who may know, and what do they need?"""
    del cluster
    unexplained = [one for one in look_of(target).causes if _is_unexplained(one)]
    if unexplained:
        first = unexplained[0]
        yield finding(
            "HelpSuggested",
            target.subject,
            evidence=first.evidence[:1],
            codes=list(dict.fromkeys(one.code for one in unexplained)),
            number=len(unexplained),
            example=first.owner or first.subject.text,
        )
    yield Table(
        caption="Where to ask",
        columns=[Column(name="FOR"), Column(name="WHERE"), Column(name="ADDRESS")],
        rows=[list(one) for one in _PLACES],
    )
    yield Table(
        caption="What to bring along; all three lie in this run's folder or in the step before",
        columns=[Column(name="WHAT"), Column(name="HOLDS"), Column(name="BEFORE IT IS PUBLISHED")],
        rows=[list(one) for one in _BUNDLE],
    )


_BUNDLE = (
    (
        "the facts of the step before",
        "versions and counts",
        "nothing to do: no name is in it",
    ),
    (
        "report.html",
        "this report: verdict, evidence, steps",
        "secrets are replaced; names of namespaces, workloads, nodes and images are not: read it first",
    ),
    (
        "case.zip",
        "every object, event and log that was read, to run any runbook again",
        "secrets are replaced; names are not, and logs say what they say: for people you trust",
    ),
)


def _is_unexplained(one: Finding) -> bool:
    """It says that something is wrong and not why, or nobody knows what to do about it."""
    says_only_that = one.code in order().wrappers or one.code in _UNEXPLAINED
    entry = entries().get(one.code)
    return says_only_that or (one.severity == "critical" and not (entry and entry.next))
