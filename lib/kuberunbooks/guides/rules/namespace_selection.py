"""Whether a namespaceSelector lets a namespace through, reading its labels only where they matter.

Called by the rules about webhooks and network policies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kuberunbooks.objects import LabelSelector

NAME_LABEL = "kubernetes.io/metadata.name"
"""The API server gives every namespace this label with its name."""

NamespaceLabels = Callable[[str], Mapping[str, str] | None]
"""The labels of a namespace by its name; None when they could not be read."""


def selects_namespace(selector: LabelSelector, namespace: str, labels_of: NamespaceLabels) -> bool | None:
    """Whether the selector lets this namespace through; None when its labels could not be read."""
    if selector.keys <= {NAME_LABEL}:
        return selector.matches({NAME_LABEL: namespace})
    labels = labels_of(namespace)
    return None if labels is None else selector.matches({NAME_LABEL: namespace, **labels})
