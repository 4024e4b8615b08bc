"""Which cloud and which network plugin a cluster has, by the traces they leave.

Called by the steps about the version and the bug report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from kuberunbooks.objects import DaemonSet, Node

# spec.providerID is SCHEME://…, set by the cloud controller manager or the kubelet.
_CLOUDS = {
    "aws": "Amazon Web Services",
    "azure": "Microsoft Azure",
    "gce": "Google Cloud",
    "alicloud": "Alibaba Cloud",
    "digitalocean": "DigitalOcean",
    "equinixmetal": "Equinix Metal",
    "hcloud": "Hetzner Cloud",
    "ibm": "IBM Cloud",
    "ibmpowervs": "IBM Power Virtual Server",
    "k3s": "none (k3s)",
    "k3d": "none (k3d)",
    "kind": "none (kind)",
    "linode": "Akamai (Linode)",
    "oci": "Oracle Cloud",
    "openstack": "OpenStack",
    "ovhcloud": "OVHcloud",
    "scaleway": "Scaleway",
    "vsphere": "VMware vSphere",
    "vultr": "Vultr",
}
# Names of the DaemonSets that network plugins run their part on each node with.
_PLUGINS = {
    "calico-node": "Calico",
    "calico-node-windows": "Calico",
    "canal": "Canal",
    "cilium": "Cilium",
    "anetd": "Cilium (GKE Dataplane V2)",
    "kube-flannel-ds": "Flannel",
    "kube-flannel": "Flannel",
    "weave-net": "Weave Net",
    "aws-node": "Amazon VPC CNI",
    "azure-cni": "Azure CNI",
    "azure-cns": "Azure CNI",
    "antrea-agent": "Antrea",
    "ovnkube-node": "OVN-Kubernetes",
    "ovs-cni": "OVS",
    "kindnet": "kindnet",
    "kube-router": "kube-router",
    "multus": "Multus",
    "kube-multus-ds": "Multus",
    "kube-ovn-cni": "Kube-OVN",
    "spiderpool-agent": "Spiderpool",
}
NETWORK_PLACES = ("kube-system", "calico-system", "kube-flannel", "cilium", "openshift-ovn-kubernetes")
"""The namespaces in which installers put the network plugin."""


def provider_of(nodes: Iterable[Node]) -> str:
    """The scheme of most nodes' provider id (`aws`); empty when they have none."""
    counts = Counter(scheme for node in nodes if (scheme := _scheme(node)))
    return counts.most_common(1)[0][0] if counts else ""


def cloud_name(provider: str) -> str:
    """The scheme as people call it."""
    return _CLOUDS.get(provider, provider)


def plugins_of(daemonsets: Iterable[DaemonSet]) -> list[str]:
    """The network plugins whose DaemonSets are among these, each once."""
    return sorted({_PLUGINS[one.name] for one in daemonsets if one.name in _PLUGINS})


def _scheme(node: Node) -> str:
    scheme, mark, _ = node.spec.provider_id.partition("://")
    if mark:
        return scheme
    # Oracle's is an id of its own: ocid1.instance.oc1…
    return "oci" if node.spec.provider_id.startswith("ocid1.") else ""
