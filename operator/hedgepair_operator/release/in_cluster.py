"""The Kubernetes API from within a pod, for the chart's Jobs: one request after the other.

They ask a handful of things and end. The standard library does that without the second of start-up
and the hundred megabytes of a client.
"""

from __future__ import annotations

import json
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_ACCOUNT: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_TIMEOUT_S: Final = 10.0


class ApiUnavailable(Exception):
    """No answer, or one that the API server could not give. Try again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The HTTP status and the object (or, of a refusal, the Status) that came with it."""

    status: int
    body: Mapping[str, Any]

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300

    @property
    def reason(self) -> str:
        return str(self.body.get("message") or self.status)


class InClusterApi:
    """As the pod's own service account."""

    def __init__(self, *, base_url: str, token_file: Path, ca_file: Path) -> None:
        self._base_url = base_url
        self._token_file = token_file
        self._tls = ssl.create_default_context(cafile=str(ca_file))

    @classmethod
    def of_this_pod(cls) -> InClusterApi:
        host = os.environ["KUBERNETES_SERVICE_HOST"]
        host = f"[{host}]" if ":" in host else host
        port = os.environ["KUBERNETES_SERVICE_PORT"]
        return cls(
            base_url=f"https://{host}:{port}",
            token_file=_ACCOUNT / "token",
            ca_file=_ACCOUNT / "ca.crt",
        )

    def ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        """Raises ApiUnavailable; a refusal is an answer."""
        request = urllib.request.Request(
            self._base_url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self._token_file.read_text().strip()}",
                "Content-Type": "application/json",
                "Accept": "application/json",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S, context=self._tls) as answer:
                return Answer(status=answer.status, body=_read(answer.read()))
        except urllib.error.HTTPError as refused:
            if refused.code >= 500 or refused.code == 429:
                raise ApiUnavailable(f"the API server answers {refused.code}") from refused
            return Answer(status=refused.code, body=_read(refused.read()))
        except OSError as error:
            raise ApiUnavailable(f"the API server does not answer: {error}") from error


def _read(text: bytes) -> Mapping[str, Any]:
    try:
        body = json.loads(text)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
