"""The requests that write, sent once each: make, patch and delete pods; and each of them on trial.

They are nowhere else in this package (tests/acting/test_only_here.py), and only an actor sends them.
A write is never repeated: whether the first one arrived, nobody knows. Only deleting is, since doing it
twice does nothing. Called by actor.py, leftovers.py and guardian.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from threading import local
from typing import Any

import msgspec
import urllib3

from kuberunbooks.cluster.credentials import Credentials
from kuberunbooks.cluster.transport import Call, Limits, Transport
from kuberunbooks.errors import Forbidden, NotFound, Refused, ServerFault, Throttled, Unreachable

from .actions import RUN
from .exec import ADVICE

_TRIAL = (("dryRun", "All"), ("fieldValidation", "Strict"))
_WRITTEN = (("fieldValidation", "Strict"),)
_STRATEGIC = "application/strategic-merge-patch+json"
_AGAIN = (0.5, 2.0)
"""Seconds before a delete is tried again: an API server that is just rolling comes back in that time."""


class _Metadata(msgspec.Struct):
    uid: str = ""
    labels: dict[str, str] = {}


class _Pod(msgspec.Struct):
    metadata: _Metadata


class Writer(Transport):
    """Writes to one API server; `sent` is called for every request that went out."""

    def __init__(self, credentials: Credentials, sent: Callable[[], None]) -> None:
        super().__init__(credentials, Limits(), sent)
        self._heard = local()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the server warned of with its last answer to this thread (header Warning, RFC 7234)."""
        return getattr(self._heard, "warnings", ())

    def create_pod(self, manifest: Mapping[str, Any], *, trial: bool = False) -> dict[str, Any]:
        """The pod as the server made it, or would. Raises ClusterErrors."""
        path = f"api/v1/namespaces/{manifest['metadata']['namespace']}/pods"
        return self._written(Call("POST", path, _TRIAL if trial else _WRITTEN, _bytes(manifest), True))

    def patch_pod(
        self, namespace: str, pod: str, subresource: str, patch: Mapping[str, Any], *, trial: bool = False
    ) -> dict[str, Any]:
        """The pod after a strategic merge patch of a subresource, or as it would be. Raises ClusterErrors."""
        path = f"api/v1/namespaces/{namespace}/pods/{pod}/{subresource}"
        query = _TRIAL if trial else _WRITTEN
        return self._written(Call("PATCH", path, query, _bytes(patch), True, _STRATEGIC))

    def delete_pod(self, namespace: str, pod: str, uid: str = "") -> bool:
        """Deletes a pod with a second's grace, as `kubectl delete --now`; False when it was gone already.

        With `uid` only that very pod, not another of its name. Raises ClusterErrors.
        """
        options: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 1}
        if uid:
            options["preconditions"] = {"uid": uid}
        path = f"api/v1/namespaces/{namespace}/pods/{pod}"
        call = Call("DELETE", path, (), _bytes(options), True)
        for wait in (*_AGAIN, None):
            try:
                self._written(call)
            except NotFound:
                return False
            except (Unreachable, Throttled, ServerFault):
                if wait is None:
                    raise
                time.sleep(wait)
            except Refused as error:
                if error.status == 409 and uid:
                    return False  # another pod of that name
                raise
            else:
                return True
        raise AssertionError("the last try returns or raises")

    def delete_own(self, namespace: str, pod: str, run: str) -> bool:
        """Deletes a pod that carries the run's label, and no other of its name; False when there is none."""
        try:
            body = self.get(f"api/v1/namespaces/{namespace}/pods/{pod}")
        except NotFound:
            return False
        metadata = msgspec.json.decode(body, type=_Pod).metadata
        if metadata.labels.get(RUN) != run:
            return False
        return self.delete_pod(namespace, pod, metadata.uid)

    def _written(self, call: Call) -> dict[str, Any]:
        self._heard.warnings = ()
        try:
            body = self._last(call, self._deadline())
        except Forbidden as error:
            error.advice = ADVICE
            raise
        return msgspec.json.decode(body, type=dict[str, Any])

    def _judged(self, response: urllib3.BaseHTTPResponse, body: bytes, call: Call) -> bytes:
        # A warning is `299 - "text"`.
        given = (one.partition('"')[2].rpartition('"')[0] for one in response.headers.getlist("warning"))
        self._heard.warnings = tuple(filter(None, given))
        return super()._judged(response, body, call)


def _bytes(document: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(document)
