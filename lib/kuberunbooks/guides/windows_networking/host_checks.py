"""The checks that only the node itself can answer: what to run there, and which of them were not answered.

Each step that needs one asks here; the last step gathers what is open into one script.
"""

from __future__ import annotations

from typing import NamedTuple

from ..step import NotChecked
from .target import WindowsNetworking

_MEMO = "open checks"


class HostCheck(NamedTuple):
    """A question for the node: what it is about, and the PowerShell that answers it."""

    about: str
    command: str


PAUSE_IMAGE = HostCheck("the pause image", 'Get-Content "C:\\Program Files\\containerd\\config.toml"')
EXCEPTION_LIST = HostCheck(
    "the ExceptionList of cni.conf",
    'Get-Content "C:\\etc\\cni\\net.d\\*.conf*", "C:\\Program Files\\containerd\\cni\\conf\\*.conf*"',
)
KUBE_PROXY = HostCheck(
    "the arguments of kube-proxy",
    "Get-CimInstance Win32_Process -Filter \"Name = 'kube-proxy.exe'\" | Select-Object CommandLine"
    " | ConvertTo-Json",
)
ADAPTERS = HostCheck(
    "the HNS network and the virtual adapter",
    "Get-HnsNetwork | Select-Object Name, Type, ID, ManagementIP, Subnets | ConvertTo-Json -Depth 4",
)
PROXIES = HostCheck(
    "HTTP_PROXY and HTTPS_PROXY", '[Environment]::GetEnvironmentVariable("HTTPS_PROXY", "Machine")'
)
OLD_FILES = HostCheck(
    "files of flannel's earlier life",
    "Get-ChildItem C:\\k\\SourceVip*.json, C:\\sourcevip\\*.json | Select-Object FullName, LastWriteTimeUtc"
    " | ConvertTo-Json",
)


def unanswered(target: WindowsNetworking, check: HostCheck) -> NotChecked:
    """The step's word for a check nobody answered; it goes into the script of the last step."""
    found: list[HostCheck] = target.memo.setdefault(_MEMO, [])
    if check not in found:
        found.append(check)
    return NotChecked(
        f"Only the node shows {check.about}. In PowerShell there: `{check.command}`; "
        "give what it prints in a file, with the parameter transcripts."
    )


def open_checks(target: WindowsNetworking) -> list[HostCheck]:
    """The checks that nobody has answered so far, in the order they were asked."""
    found: list[HostCheck] = target.memo.get(_MEMO, [])
    return found
