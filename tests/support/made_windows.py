"""Windows nodes and pods, and what PowerShell prints there: made, not recorded, in the tools' real formats.

The texts follow what the tools of Windows Server 2022 print (tables, lists, ConvertTo-Json of
PowerShell 5.1, ipconfig /all, curl.exe, nslookup), with names and addresses of our own.
"""

# ruff: noqa: E501 - one text a line reads better than wrapped ones
from __future__ import annotations

import json
from typing import Any

from tests.support.made_cases import ago, event, node, pod, running

Items = list[dict[str, Any]]

WINDOWS_2019, WINDOWS_2022 = "10.0.17763.5329", "10.0.20348.2227"
KUBEADM = """apiServer: {}
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
networking:
  dnsDomain: cluster.local
  podSubnet: 10.244.0.0/16
  serviceSubnet: 10.96.0.0/12
"""


def windows_node(
    name: str = "win-1",
    *,
    kernel: str = WINDOWS_2022,
    runtime: str = "containerd://1.7.27",
    cidr: str = "10.244.4.0/24",
    address: str = "10.127.130.21",
    host: str = "",
    flannel: bool = False,
    **more: Any,
) -> dict[str, Any]:
    """A Windows node with the taint that keeps Linux pods away."""
    one = node(name, **more)
    one["metadata"]["labels"] = {
        "kubernetes.io/os": "windows",
        "kubernetes.io/hostname": host or name,
        "node.kubernetes.io/windows-build": kernel.rpartition(".")[0],
    }
    if flannel:
        one["metadata"]["annotations"] = {"flannel.alpha.coreos.com/backend-type": "host-gw"}
    one["spec"] = {
        "podCIDR": cidr,
        "podCIDRs": [cidr],
        "taints": [{"key": "os", "value": "windows", "effect": "NoSchedule"}],
    }
    one["status"]["addresses"] = [
        {"type": "InternalIP", "address": address},
        {"type": "Hostname", "address": host or name},
    ]
    one["status"]["nodeInfo"] = {
        "operatingSystem": "windows",
        "architecture": "amd64",
        "osImage": "Windows Server 2022 Datacenter",
        "kernelVersion": kernel,
        "containerRuntimeVersion": runtime,
        "kubeletVersion": "v1.36.2",
    }
    return one


def linux_node(
    name: str = "n1", *, cidr: str = "10.244.0.0/24", address: str = "10.127.130.11"
) -> dict[str, Any]:
    """A Linux node of the same cluster."""
    one = node(name)
    one["metadata"]["labels"] = {"kubernetes.io/os": "linux", "kubernetes.io/hostname": name}
    one["spec"] = {"podCIDR": cidr, "podCIDRs": [cidr]}
    one["status"]["addresses"] = [{"type": "InternalIP", "address": address}]
    one["status"]["nodeInfo"] = {
        "operatingSystem": "linux",
        "architecture": "amd64",
        "kernelVersion": "6.8.0",
    }
    return one


def kubeadm(text: str = KUBEADM) -> dict[str, Any]:
    """The ConfigMap in which kubeadm keeps the cluster's ranges."""
    return {
        "kind": "ConfigMap",
        "metadata": {"name": "kubeadm-config", "namespace": "kube-system", "uid": "uid-kubeadm"},
        "data": {"ClusterConfiguration": text},
    }


def windows_pod(
    name: str = "iis-1",
    *,
    on: str = "win-1",
    ip: str = "10.244.4.7",
    image: str = "mcr.microsoft.com/windows/servercore/iis:windowsservercore-ltsc2022",
    aimed: bool = True,
    spec: dict[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A pod that asks for Windows (unless not `aimed`), running and ready unless said otherwise."""
    wants = {
        "nodeSelector": {"kubernetes.io/os": "windows"},
        "tolerations": [{"key": "os", "operator": "Equal", "value": "windows", "effect": "NoSchedule"}],
    }
    status = {"podIP": ip, "podIPs": [{"ip": ip}], **more.pop("status", {})} if ip else more.pop("status", {})
    one = pod(name, on=on, spec={**(wants if aimed else {}), **(spec or {})}, status=status, **more)
    for container in one["spec"]["containers"]:
        container.setdefault("image", image)
        container["image"] = image
        container.setdefault("ports", [{"containerPort": 80}])
    for each in one["status"]["containerStatuses"]:
        if "running" in each["state"]:
            each["state"]["running"]["startedAt"] = ago(3000)
    return one


def waiting(reason: str, message: str = "", name: str = "app") -> dict[str, Any]:
    """The status of a container that waits."""
    return {
        "name": name,
        "ready": False,
        "restartCount": 0,
        "state": {"waiting": {"reason": reason, "message": message}},
    }


def stuck(
    name: str = "iis-1", reason: str = "ContainerCreating", message: str = "", **more: Any
) -> dict[str, Any]:
    """A Windows pod whose container does not start, an hour old."""
    return windows_pod(
        name,
        ip="",
        phase="Pending",
        ready=False,
        containers=[waiting(reason, message)],
        creationTimestamp=ago(3600),
        **more,
    )


def sandbox_event(
    about: dict[str, Any], message: str, *, reason: str = "FailedCreatePodSandBox", count: int = 9
) -> dict[str, Any]:
    """What the kubelet wrote about a sandbox."""
    return event(about, reason, message, type_="Warning", at=20, count=count, first=3000)


def healthy_windows() -> Items:
    """A mixed cluster in which everything is as it should be."""
    return [
        linux_node(),
        windows_node(),
        kubeadm(),
        pod("web-1", labels={"app": "web"}),
        windows_pod(),
        windows_pod("iis-2", ip="10.244.4.8"),
    ]


def transcript(command: str, stdout: str, *, node: str = "", pod: str = "", code: int = 0) -> dict[str, Any]:
    """A transcript: a PowerShell command that was run on a node or in a pod of namespace shop."""
    target = {"kind": "node", "node": node} if not pod else {"kind": "pod", "namespace": "shop", "pod": pod}
    return {
        "target": target,
        "argv": ["powershell.exe", "-NoProfile", "-Command", command],
        "stdout": stdout,
        "exit_code": code,
    }


def cni_conf(*exceptions: str, plugin: str = "win-bridge", name: str = "cbr0") -> str:
    """cni.conf of flannel in the older form, as Microsoft's sample has it."""
    policies = [
        {"Name": "EndpointPolicy", "Value": {"Type": "OutBoundNAT", "ExceptionList": list(exceptions)}},
        {
            "Name": "EndpointPolicy",
            "Value": {"Type": "ROUTE", "DestinationPrefix": "10.96.0.0/12", "NeedEncap": True},
        },
    ]
    delegate = {"type": plugin, "dns": {"Nameservers": ["10.96.0.10"]}, "policies": policies}
    return json.dumps(
        {"cniVersion": "0.2.0", "name": name, "type": "flannel", "delegate": delegate}, indent=2
    )


NETWORKS_JSON = json.dumps(
    [
        {
            "Name": "nat",
            "Type": "nat",
            "ID": "55FEDB88-4B11-4DA4-8CD1-59970718A804",
            "ManagementIP": None,
            "Subnets": [{"AddressPrefix": "172.29.144.0/20", "GatewayAddress": "172.29.144.1"}],
        },
        {
            "Name": "cbr0",
            "Type": "L2Bridge",
            "ID": "85D61148-49EF-40BB-A450-3BEBE951D838",
            "ManagementIP": "10.127.130.21",
            "Subnets": [{"AddressPrefix": "10.244.4.0/24", "GatewayAddress": "10.244.4.1"}],
        },
    ],
    indent=4,
)
NETWORKS_LIST = """

ActivityId             : C4D8511F-6959-4162-A30F-F12EC759A942
AdditionalParams       :
CurrentEndpointCount   : 2
Extensions             : {@{Id=E7C3B2F0-F3C5-48DF-AF2B-10FED6D72E7A; IsEnabled=False; Name=Microsoft Windows Filtering Platform},
                         @{Id=430BDADD-BAB0-41AB-A369-94B67FA5BE0A; IsEnabled=True; Name=Microsoft NDIS Capture}}
Flags                  : 0
Health                 : @{LastErrorCode=0; LastUpdateTime=133508076463076342}
ID                     : 85D61148-49EF-40BB-A450-3BEBE951D838
IPv6                   : False
ManagementIP           : 10.127.130.21
Name                   : cbr0
Policies               : {}
State                  : 1
Subnets                : {@{AddressPrefix=10.244.4.0/24; GatewayAddress=10.244.4.1}}
Type                   : L2Bridge

"""
ADAPTERS_TABLE = """
Name                      InterfaceDescription                    ifIndex Status       MacAddress             LinkSpeed
----                      --------------------                    ------- ------       ----------             ---------
vEthernet (Ethernet 2)    Hyper-V Virtual Ethernet Adapter             14 Up           00-15-5D-0A-0B-0C        10 Gbps
Ethernet 2                Microsoft Hyper-V Network Adapter             4 Up           00-15-5D-0A-0B-0C        10 Gbps

"""
NO_VIRTUAL_TABLE = """
Name                      InterfaceDescription                    ifIndex Status       MacAddress             LinkSpeed
----                      --------------------                    ------- ------       ----------             ---------
Ethernet 2                Microsoft Hyper-V Network Adapter             4 Up           00-15-5D-0A-0B-0C        10 Gbps

"""
IPCONFIG = """
Windows IP Configuration

   Host Name . . . . . . . . . . . . : win-1
   Primary Dns Suffix  . . . . . . . :

Ethernet adapter vEthernet (Ethernet 2):

   Connection-specific DNS Suffix  . :
   Description . . . . . . . . . . . : Hyper-V Virtual Ethernet Adapter
   Physical Address. . . . . . . . . : 00-15-5D-0A-0B-0C
   IPv4 Address. . . . . . . . . . . : 10.127.130.21(Preferred)
   Subnet Mask . . . . . . . . . . . : 255.255.255.0
   Default Gateway . . . . . . . . . : 10.127.130.1
"""
PING_LOST = """
Pinging 203.0.113.7 with 32 bytes of data:
Request timed out.
Request timed out.

Ping statistics for 203.0.113.7:
    Packets: Sent = 2, Received = 0, Lost = 2 (100% loss),
"""


def endpoints_json(*addresses: str) -> str:
    """What Get-HnsEndpoint gives for local endpoints with these addresses."""
    return json.dumps(
        [
            {
                "Name": f"ep-{address}",
                "IPAddress": address,
                "MacAddress": "00-15-5D-0A-11-22",
                "VirtualNetworkName": "cbr0",
                "IsRemoteEndpoint": False,
            }
            for address in addresses
        ]
    )


def connection(host: str, port: int, *, succeeded: bool) -> str:
    """What Test-NetConnection prints."""
    warning = "" if succeeded else f"WARNING: TCP connect to ({host} : {port}) failed\n"
    return f"""{warning}

ComputerName           : {host}
RemoteAddress          : {host}
RemotePort             : {port}
InterfaceAlias         : vEthernet (abc)
SourceAddress          : 10.244.4.7
PingSucceeded          : False
PingReplyDetails (RTT) : 0 ms
TcpTestSucceeded       : {succeeded}
"""


def ended_pod(message: str) -> dict[str, Any]:
    """A Windows pod whose container the runtime could not start."""
    ended = {"exitCode": 128, "reason": "StartError", "message": message, "startedAt": "1970-01-01T00:00:00Z", "finishedAt": ago(30)}  # fmt: skip
    status = {**running(ready=False), "state": {"terminated": ended}, "restartCount": 2}
    return windows_pod(ready=False, containers=[status])


def check_texts(found: Any) -> Any:
    """What a person reads is whole sentences, and what is to be copied has no holes."""
    for one in found.findings:
        assert one.title != one.code, one.code
        assert one.summary, one.code
        assert not one.summary[0].islower() or "/" in one.summary.split()[0], one.summary
        for text in (one.title, one.summary, one.explanation, *(step.why for step in one.next)):
            assert "  " not in text, (one.code, text)
            assert "None" not in text.split()[1:], (one.code, text)
            assert "{{" not in text, (one.code, text)
            assert " ." not in text.replace(" ...", ""), (one.code, text)
        for step in one.next:
            assert "''" not in step.command, (one.code, step.command)
        if one.severity in ("critical", "warning"):
            assert one.evidence, one.code
            assert one.next, one.code
    return found
