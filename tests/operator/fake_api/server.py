"""The store over HTTP, with rights, tokens and mischief."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import orjson
from aiohttp import web

from tests.operator.fake_api.patching import PatchFailed, json_patch, merge
from tests.operator.fake_api.rights import LEADING, NEEDED, Right
from tests.operator.fake_api.selecting import matches
from tests.operator.fake_api.store import RESOURCES, Change, Name, Object, Refused, Resource, Store

WRITES = ("POST", "PATCH", "PUT", "DELETE")
BOOKMARK_S = 5.0
Intercept = Callable[[web.Request], Awaitable[web.StreamResponse | None]]
"""Looks at a request first; a response of its own is the answer."""


class FakeApi:
    def __init__(self, store: Store | None = None) -> None:
        self.store = store or Store()
        self.tokens = {"first"}
        self.used: Counter[Right] = Counter()
        self.refused: list[Right] = []
        self.writes: list[tuple[str, str]] = []
        """(method, path) of every write that was carried out."""
        self.intercepts: list[Intercept] = []
        self.after_write: Callable[[], Awaitable[None]] | None = None
        """Waited for when a write is done and not yet answered."""
        self.allowed = NEEDED | LEADING
        self.streams: set[web.StreamResponse] = set()
        self.url = ""

    # -- requests --

    async def handle(self, request: web.Request) -> web.StreamResponse:
        for intercept in self.intercepts:
            answer = await intercept(request)
            if answer is not None:
                return answer
        token = request.headers.get("Authorization", "").rpartition(" ")[2]
        if token not in self.tokens:
            return _status(401, "Unauthorized", "no such token")
        parts = request.path.strip("/").split("/")
        try:
            if (discovery := _discovery(parts)) is not None:
                return _json(discovery)
            return await self._resource(request, parts)
        except Refused as refused:
            return _status(refused.status, refused.reason, str(refused))
        except PatchFailed as failed:
            return _status(422, "Invalid", str(failed))

    async def _resource(self, request: web.Request, parts: list[str]) -> web.StreamResponse:
        group, version, rest = (
            ("", parts[1], parts[2:]) if parts[0] == "api" else (parts[1], parts[2], parts[3:])
        )
        namespace = None
        if rest[0] == "namespaces":
            namespace, rest = rest[1], rest[2:]
        resource = next(
            (
                each
                for each in RESOURCES
                if (each.group, each.version, each.plural) == (group, version, rest[0])
            ),
            None,
        )
        if resource is None:
            raise Refused(404, "NotFound", "no such resource")
        name = Name(resource.plural, namespace or "", rest[1]) if len(rest) > 1 else None
        subresource = rest[2] if len(rest) > 2 else ""
        if request.method == "GET":
            return await self._read(request, resource, name, namespace)
        body = orjson.loads(await request.read() or b"{}")
        answer = self._write(request, resource, name, namespace, subresource, body)
        self.writes.append((request.method, request.path))
        if self.after_write is not None:
            await self.after_write()
        return answer

    async def _read(
        self,
        request: web.Request,
        resource: Resource,
        name: Name | None,
        namespace: str | None,
    ) -> web.StreamResponse:
        if name is not None:
            self._check(resource, "get")
            return _json(self.store.get(name))
        if request.query.get("watch") in ("true", "1"):
            self._check(resource, "watch")
            return await self._watch(request, resource, namespace)
        self._check(resource, "list")
        return self._list(request, resource, namespace)

    def _write(
        self,
        request: web.Request,
        resource: Resource,
        name: Name | None,
        namespace: str | None,
        subresource: str,
        body: Any,
    ) -> web.StreamResponse:
        store, content = self.store, request.content_type
        if request.method == "POST":
            self._check(resource, "create")
            body["metadata"].setdefault("namespace", namespace)
            return _json(store.create(resource.plural, body), status=201)
        if name is None:
            raise Refused(405, "MethodNotAllowed")
        if request.method == "DELETE":
            self._check(resource, "delete")
            uid = (body.get("preconditions") or {}).get("uid")
            store.delete(name, uid=uid)
            return _json({"kind": "Status", "status": "Success"})
        self._check(resource, "patch", subresource)
        if content == "application/apply-patch+yaml":
            if name not in store.items and not subresource:
                self._check(resource, "create")
            manager = request.query["fieldManager"]
            item, made = store.apply(
                resource.plural, body, manager=manager, subresource=subresource
            )
            return _json(item, status=201 if made else 200)
        live = store.get(name)
        if content == "application/json-patch+json":
            return _json(store.replace(name, json_patch(live, body), subresource=subresource))
        version = (body.get("metadata") or {}).get("resourceVersion")
        if version not in (None, live["metadata"]["resourceVersion"]):
            raise Refused(409, "Conflict", "the object has been modified")
        return _json(store.replace(name, merge(live, body), subresource=subresource))

    def _check(self, resource: Resource, verb: str, subresource: str = "") -> None:
        plural = f"{resource.plural}/{subresource}" if subresource else resource.plural
        right = Right(resource.group, plural, verb)
        if right not in self.allowed:
            self.refused.append(right)
            raise Refused(403, "Forbidden", f"may not {verb} {plural}")
        self.used[right] += 1

    # -- lists and watches --

    def _list(
        self, request: web.Request, resource: Resource, namespace: str | None
    ) -> web.StreamResponse:
        query = request.query
        limit, after = int(query.get("limit", 0)), query.get("continue", "")
        found = sorted(
            (
                (f"{name.namespace}/{name.name}", item)
                for name, item in self.store.all_of(resource.plural, namespace)
                if matches(item, query)
            ),
            key=lambda pair: pair[0],
        )
        found = [pair for pair in found if pair[0] > after]
        meta: Object = {"resourceVersion": str(self.store.version)}
        if limit and len(found) > limit:
            found = found[:limit]
            meta["continue"] = found[-1][0]
        items = [item for _, item in found]
        return _json({"kind": f"{resource.kind}List", "metadata": meta, "items": items})

    async def _watch(
        self, request: web.Request, resource: Resource, namespace: str | None
    ) -> web.StreamResponse:
        store, query = self.store, request.query
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        since = int(query.get("resourceVersion") or store.version)
        waiting: asyncio.Queue[Change] = asyncio.Queue()
        if since >= store.oldest:
            for change in store.history:
                if change.version > since:
                    waiting.put_nowait(change)
        store.listeners.append(waiting.put_nowait)
        await response.prepare(request)
        self.streams.add(response)
        deadline_s = asyncio.get_running_loop().time() + float(query.get("timeoutSeconds", 300))
        try:
            while (left_s := deadline_s - asyncio.get_running_loop().time()) > 0:
                if since < store.oldest:
                    await _send(response, "ERROR", {"kind": "Status", "code": 410})
                    break
                try:
                    async with asyncio.timeout(min(left_s, BOOKMARK_S)):
                        change = await waiting.get()
                except TimeoutError:
                    since = max(since, store.version if waiting.empty() else since)
                    meta = {"resourceVersion": str(since)}
                    mark = {"kind": resource.kind, "metadata": meta}
                    await _send(response, "BOOKMARK", mark)
                    continue
                since = change.version
                told = _told(change, resource, namespace, query)
                if told is not None:
                    await _send(response, *told)
        except (ConnectionResetError, RuntimeError):
            pass  # the client went, or the stream was cut on purpose
        finally:
            store.listeners.remove(waiting.put_nowait)
            self.streams.discard(response)
        return response

    def cut_streams(self) -> None:
        """As when a load balancer goes away: every watch ends in the middle."""
        for response in list(self.streams):
            transport = response._req.transport if response._req is not None else None
            if transport is not None:
                transport.abort()


def _told(
    change: Change, resource: Resource, namespace: str | None, query: Any
) -> tuple[str, Object] | None:
    """What a watch with this selector is told of a change."""
    meta = change.item["metadata"]
    if change.plural != resource.plural or namespace not in (None, meta.get("namespace")):
        return None
    now = matches(change.item, query) and change.type != "DELETED"
    before = change.before is not None and matches(change.before, query)
    if now:
        return ("MODIFIED" if before else "ADDED"), change.item
    return ("DELETED", change.item) if before else None


async def _send(response: web.StreamResponse, kind: str, item: Object) -> None:
    await response.write(orjson.dumps({"type": kind, "object": item}) + b"\n")


def _discovery(parts: list[str]) -> Object | None:
    if parts == ["version"]:
        return {"major": "1", "minor": "34"}
    if parts == ["api"]:
        return {"versions": ["v1"]}
    if parts == ["apis"]:
        groups = sorted({(each.group, each.version) for each in RESOURCES if each.group})
        return {
            "groups": [
                {
                    "name": group,
                    "versions": [{"groupVersion": f"{group}/{version}", "version": version}],
                    "preferredVersion": {"version": version},
                }
                for group, version in groups
            ]
        }
    group, version = ("", parts[1]) if parts[0] == "api" else (parts[1], parts[-1])
    if len(parts) != (2 if parts[0] == "api" else 3):
        return None
    found = [
        (name, each.kind, True)
        for each in RESOURCES
        if (each.group, each.version) == (group, version)
        for name in (each.plural, f"{each.plural}/status")[: 1 + each.has_status]
    ]
    if not group:
        found.append(("namespaces", "Namespace", False))  # kopf wants to know that there are any
    return {
        "resources": [
            {
                "name": name,
                "kind": kind,
                "singularName": kind.lower(),
                "namespaced": namespaced,
                "verbs": ["get", "list", "watch", "create", "patch", "delete"],
            }
            for name, kind, namespaced in found
        ]
    }


def _json(item: Object, *, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(item), content_type="application/json")


def _status(code: int, reason: str, message: str) -> web.Response:
    body = {"kind": "Status", "code": code, "reason": reason, "message": message}
    headers = {"Retry-After": "1"} if code == 429 else {}
    return web.Response(
        status=code, text=json.dumps(body), content_type="application/json", headers=headers
    )


def refusal(code: int, reason: str = "Mischief") -> web.Response:
    """An answer for an intercept."""
    return _status(code, reason, reason)


@asynccontextmanager
async def serve(api: FakeApi, *, port: int = 0) -> AsyncIterator[FakeApi]:
    app = web.Application(client_max_size=2**22)
    app.router.add_route("*", "/{path:.*}", api.handle)
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    api.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield api
    finally:
        api.cut_streams()
        with suppress(asyncio.CancelledError):
            await runner.cleanup()
