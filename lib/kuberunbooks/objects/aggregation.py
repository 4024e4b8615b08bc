"""APIs that another server serves behind the API server (aggregation layer)."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from .base import Api, ConditionedObject, View


class ServiceReference(View):
    """spec.service of an APIService: the Service behind it; None there means the API server itself."""

    namespace: str = ""
    name: str = ""
    port: int = 443


class APIServiceSpec(View):
    """spec of an APIService."""

    group: str = ""
    version: str = ""
    service: ServiceReference | None = None
    insecure_skip_tls_verify: bool = msgspec.field(default=False, name="insecureSkipTLSVerify")
    ca_bundle: str = ""


class APIService(ConditionedObject):
    """An API group and version; its condition Available says whether whoever serves it answers."""

    api: ClassVar[Api] = Api("apiregistration.k8s.io/v1", "apiservices", "APIService", namespaced=False)
    spec: APIServiceSpec = msgspec.field(default_factory=APIServiceSpec)

    @property
    def is_local(self) -> bool:
        """Served by the API server itself."""
        return self.spec.service is None
