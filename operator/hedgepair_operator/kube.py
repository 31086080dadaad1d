"""The API server, in eight verbs and plain dicts, on `kubernetes.aio` of one pinned version.

One place for field manager, time-outs, retries and counting; nothing past it knows the client.
Writes are server-side applies with force: what the operator wants it owns.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Final

import aiohttp
import orjson
from kubernetes.aio.client import ApiClient, Configuration

from hedgepair_operator import names
from hedgepair_operator.facts import Key, Kind

Object = dict[str, Any]
Count = Callable[[str, str, int], None]
"""(verb, kind, HTTP status or 0 where none came)."""

_APPLY: Final = "application/apply-patch+yaml"
_MERGE: Final = "application/merge-patch+json"
_JSON: Final = "application/json-patch+json"
_TIMEOUT_S: Final = 30.0
_TRIES: Final = 4
_BACKOFF_S: Final = 0.25
_LONGEST_WAIT_S: Final = 10.0
PAGE: Final = 500

LEASE: Final = "Lease"
PATHS: Final[Mapping[str, tuple[str, str]]] = {
    Kind.PAIR: (f"/apis/{names.GROUP}/{names.VERSION}", names.PLURAL),
    Kind.STATEFUL_SET: ("/apis/apps/v1", "statefulsets"),
    Kind.POD: ("/api/v1", "pods"),
    Kind.CONFIG_MAP: ("/api/v1", "configmaps"),
    Kind.SERVICE: ("/api/v1", "services"),
    Kind.NETWORK_POLICY: ("/apis/networking.k8s.io/v1", "networkpolicies"),
    Kind.SECRET: ("/api/v1", "secrets"),
    Kind.EVENT: ("/api/v1", "events"),
    LEASE: ("/apis/coordination.k8s.io/v1", "leases"),
}
NEW_EVENTS: Final = ("/apis/events.k8s.io/v1", "events")


class KubeUnavailable(Exception):
    """No usable answer: cut, late, or the server's own trouble, after the retries."""


class KubeRefused(Exception):
    """The server answered and will not. `status` is HTTP's; `why` its message."""

    def __init__(self, status: int, reason: str, why: str, *, is_ending: bool) -> None:
        super().__init__(f"{status} {reason}: {why}")
        self.status = status
        self.reason = reason
        self.why = why
        self.is_namespace_ending = is_ending

    @property
    def is_missing(self) -> bool:
        return self.status == 404

    @property
    def is_conflict(self) -> bool:
        """The object is another, or was changed meanwhile; for a create: it is there already."""
        return self.status in (409, 422) and self.reason in ("Conflict", "AlreadyExists", "Invalid")


class Kube:
    """An async context manager. All methods raise KubeUnavailable and KubeRefused."""

    def __init__(
        self, configuration: Configuration, *, count: Count | None = None, connections: int = 32
    ) -> None:
        configuration.connection_pool_maxsize = connections
        self._configuration = configuration
        self._count = count or (lambda verb, kind, status: None)
        self._client: ApiClient | None = None

    async def __aenter__(self) -> Kube:
        self._client = ApiClient(self._configuration)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def get(self, kind: str, key: Key) -> Object | None:
        """None where there is none."""
        try:
            return await self._ask("get", kind, "GET", _path(kind, key))
        except KubeRefused as refused:
            if refused.is_missing:
                return None
            raise

    async def pages(
        self, kind: str, namespace: str | None = None, *, labels: str = "", fields: str = ""
    ) -> AsyncIterator[tuple[list[Object], str]]:
        """The verb list: pages of (items, the list's resource version).

        Starts anew when a page has expired."""
        base = {"limit": str(PAGE)}
        base |= {"labelSelector": labels} if labels else {}
        base |= {"fieldSelector": fields} if fields else {}
        query = dict(base)
        path = _path(kind, Key(namespace or "", ""))
        while True:
            try:
                answer = await self._ask("list", kind, "GET", path, query=query)
            except KubeRefused as refused:
                if refused.status != 410 or "continue" not in query:
                    raise
                query = dict(base)
                continue
            meta = answer.get("metadata") or {}
            yield answer.get("items") or [], str(meta.get("resourceVersion", ""))
            if not meta.get("continue"):
                return
            query["continue"] = meta["continue"]

    async def apply(self, item: Mapping[str, Any]) -> Object:
        """Server-side apply with force; makes it where it is missing."""
        kind, key = item["kind"], _key(item)
        return await self._ask(
            "apply", kind, "PATCH", _path(kind, key), body=item, content=_APPLY, query=_FORCE
        )

    async def apply_status(self, item: Mapping[str, Any]) -> Object:
        kind, path = item["kind"], _path(item["kind"], _key(item)) + "/status"
        return await self._ask(
            "apply_status", kind, "PATCH", path, body=item, content=_APPLY, query=_FORCE
        )

    async def merge_patch(self, kind: str, key: Key, change: Mapping[str, Any]) -> Object:
        return await self._ask(
            "merge_patch", kind, "PATCH", _path(kind, key), body=change, content=_MERGE
        )

    async def json_patch(self, kind: str, key: Key, steps: list[Mapping[str, Any]]) -> Object:
        """Not repeated on a conflict: its tests decide."""
        return await self._ask(
            "json_patch", kind, "PATCH", _path(kind, key), body=steps, content=_JSON
        )

    async def delete(self, kind: str, key: Key, *, uid: str) -> None:
        """Only that very object. Gone already is fine, another one of that name is, too."""
        body = {"preconditions": {"uid": uid}, "propagationPolicy": "Background"}
        try:
            await self._ask("delete", kind, "DELETE", _path(kind, key), body=body)
        except KubeRefused as refused:
            if not (refused.is_missing or refused.is_conflict):
                raise

    async def create(self, item: Mapping[str, Any]) -> Object | None:
        """None where one of that name is there already."""
        kind, key = item["kind"], _key(item)
        prefix, plural = (
            NEW_EVENTS if item["apiVersion"].startswith("events.k8s.io") else PATHS[kind]
        )
        path = f"{prefix}/namespaces/{key.namespace}/{plural}"
        try:
            return await self._ask("create", kind, "POST", path, body=item)
        except KubeRefused as refused:
            if refused.status == 409:
                return None
            raise

    async def _ask(
        self,
        verb: str,
        kind: str,
        method: str,
        path: str,
        *,
        body: Any = None,
        content: str = "application/json",
        query: Mapping[str, str] | None = None,
    ) -> Object:
        wait_s = 0.0
        for left in reversed(range(_TRIES)):
            if wait_s:
                await asyncio.sleep(wait_s)
            try:
                status, headers, answer = await self._once(method, path, body, content, query)
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                self._count(verb, kind, 0)
                if not left:
                    raise KubeUnavailable(f"{verb} {kind}: {type(error).__name__}") from error
            else:
                self._count(verb, kind, status)
                if status < 300:
                    return answer
                if not left or not _is_worth_another(verb, status):
                    raise _error(verb, kind, status, answer)
                wait_s = _asked_wait_s(headers)
            wait_s = wait_s or _BACKOFF_S * 2 ** (_TRIES - 1 - left) * random.uniform(0.5, 1.5)
        raise AssertionError("the last try returns or raises")

    async def _once(
        self,
        method: str,
        path: str,
        body: Any,
        content: str,
        query: Mapping[str, str] | None,
    ) -> tuple[int, Mapping[str, str], Object]:
        if self._client is None:
            raise AssertionError("asked outside of the context")
        headers: dict[str, str] = {"Content-Type": content, "Accept": "application/json"}
        # Reads the token's file anew when it is due.
        await self._client.update_params_for_auth(headers, [], ["BearerToken"])
        response = await self._client.rest_client.request(
            method,
            self._client.configuration.host + path,
            query_params=list((query or {}).items()),
            headers=headers,
            body=body,
            _preload_content=False,
            _request_timeout=_TIMEOUT_S,
        )
        async with response:
            raw = await response.read()
        is_json = raw[:1] == b"{"
        answer = orjson.loads(raw) if is_json else {"message": raw[:200].decode(errors="replace")}
        return response.status, response.headers, answer


_FORCE: Final = {"fieldManager": names.MANAGER, "force": "true"}


def _path(kind: str, key: Key) -> str:
    prefix, plural = PATHS[kind]
    where = f"/namespaces/{key.namespace}" if key.namespace else ""
    return f"{prefix}{where}/{plural}" + (f"/{key.name}" if key.name else "")


def _key(item: Mapping[str, Any]) -> Key:
    return Key(item["metadata"].get("namespace", ""), item["metadata"]["name"])


def _is_worth_another(verb: str, status: int) -> bool:
    """A 401 too: the token is read anew. A conflict of an apply is one of optimistic locking."""
    if status == 409:
        return verb in ("apply", "apply_status", "merge_patch")
    return status in (401, 429) or status >= 500


def _asked_wait_s(headers: Mapping[str, str]) -> float:
    text = headers.get("Retry-After", "")
    return min(float(text), _LONGEST_WAIT_S) if text.isdecimal() else 0.0


def _error(verb: str, kind: str, status: int, answer: Object) -> Exception:
    if status == 429 or status >= 500:
        return KubeUnavailable(f"{verb} {kind}: HTTP {status}")
    causes = (answer.get("details") or {}).get("causes") or ()
    message = str(answer.get("message", ""))
    is_ending = status == 403 and (
        any(cause.get("reason") == "NamespaceTerminating" for cause in causes)
        or "being terminated" in message
    )
    return KubeRefused(status, str(answer.get("reason", "")), message, is_ending=is_ending)
