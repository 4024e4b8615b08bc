"""Whose work a request is: a person's, an application's, or the cluster's own.

The cluster's components ask thousands of times an hour what a person would be asked
about. Their names are the API server's to give: nobody can log in as `system:…`
without the cluster's own certificates or tokens. Used by the rules on audit logs.
"""

from __future__ import annotations

ANONYMOUS = "system:anonymous"
SERVICE_ACCOUNT = "system:serviceaccount:"
_OWN_ACCOUNTS = "system:serviceaccount:kube-system:"
NODE = "system:node:"

# The administrator's own kubeconfig on OpenShift and k3s.
_PEOPLE = frozenset(("system:admin",))
# Controllers of managed control planes: EKS reserves the prefix, AKS uses these certificates.
_PROVIDERS = ("eks:",)
_PROVIDER_NAMES = frozenset(("aksService", "hcpService", "masterclient", "nodeclient"))

KUBEADM_USERS = frozenset(("kubernetes-admin", "kubernetes-super-admin"))
KUBEADM_OBJECTS = ("kubeadm:", "system:coredns")
"""What `kubeadm init` and `kubeadm upgrade` bind by themselves begins so."""

NAMESPACE_CONTROLLER = f"{_OWN_ACCOUNTS}namespace-controller"
GARBAGE_COLLECTOR = f"{_OWN_ACCOUNTS}generic-garbage-collector"


def is_person(user: str) -> bool:
    """Somebody who logged in: neither the cluster's own, nor an application, nor nobody."""
    if not user:
        return False
    if user.startswith("system:"):
        return user in _PEOPLE
    return not user.startswith(_PROVIDERS) and user not in _PROVIDER_NAMES


def is_application(user: str) -> bool:
    """A service account that is not one of kube-system's."""
    return user.startswith(SERVICE_ACCOUNT) and not user.startswith(_OWN_ACCOUNTS)


def is_machinery(user: str) -> bool:
    """The cluster's own components, or the provider's."""
    return bool(user) and user != ANONYMOUS and not is_person(user) and not is_application(user)


def counted_as(user: str) -> str:
    """The name to count under: all kubelets are one, of 5,000 nodes none would stand out."""
    if user.startswith(NODE):
        return "system:node:* (kubelets)"
    return user or "(not authenticated)"
