"""Requests of kubelets and others for a certificate."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from .base import Api, ConditionedObject, View


class SigningSpec(View):
    """spec of a CertificateSigningRequest."""

    signer_name: str = ""
    username: str = ""


class CertificateSigningRequest(ConditionedObject):
    """A request for a certificate; without a condition nobody has decided on it."""

    api: ClassVar[Api] = Api(
        "certificates.k8s.io/v1", "certificatesigningrequests", "CertificateSigningRequest", namespaced=False
    )
    spec: SigningSpec = msgspec.field(default_factory=SigningSpec)
