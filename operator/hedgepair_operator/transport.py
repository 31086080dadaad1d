"""kopf as transport, and as nothing else: its watches feed the cache and the queue.

Only `on.event`: no annotation, no finalizer, no write of any kind (reasons, measured: operators.md
§3.3). It never raises and never waits. When a watch fails for good, kopf ends, and with it the
process: everything that matters is in the API server, and a fresh start reads it again.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import kopf
from kubernetes.aio.client import Configuration

from hedgepair_operator import names
from hedgepair_operator.desk import Desk
from hedgepair_operator.facts import Kind
from hedgepair_operator.kube import PATHS
from hedgepair_operator.lister import FAULT_FIELDS
from hedgepair_operator.trimming import key_of

logger = logging.getLogger(__name__)

LOGIN_FOR: Final = timedelta(minutes=5)
"""A mounted token is rotated every hour or so; read anew this often, a 401 never comes."""
WATCHED: Final = (
    Kind.PAIR,
    Kind.STATEFUL_SET,
    Kind.POD,
    Kind.CONFIG_MAP,
    Kind.SERVICE,
    Kind.NETWORK_POLICY,
    Kind.EVENT,
)
_LEAVE_S: Final = 5.0
_AT_ONCE: Final = 200
ReadLogin = Callable[[], Awaitable[Configuration]]


class Ended(Exception):
    """kopf ended by itself: the process ends, too, and is started again."""


async def carry(desk: Desk, read_login: ReadLogin, *, backoffs_s: tuple[float, ...]) -> None:
    """Watches until kopf fails. Raises Ended.

    kopf has a thread and an event loop of its own: when it ends, it cancels every task of its loop
    that is younger than itself, whoever made it, and waits for all of them.
    """
    kopf_ended = asyncio.Event()
    inlet = Inlet(desk, asyncio.get_running_loop(), failed=kopf_ended)
    leave = Leave()

    def tell_ended() -> None:
        inlet.call(kopf_ended.set)

    def run() -> None:
        namespaces = desk.settings.watch_namespaces
        try:
            asyncio.run(_watch(inlet, namespaces, read_login, backoffs_s, leave, tell_ended))
        except BaseException as error:  # whatever it was, it ended; it must not end unseen
            logger.error("watches failed", extra={"why": type(error).__name__})
        finally:
            tell_ended()

    thread = threading.Thread(target=run, name="kopf", daemon=True)
    thread.start()
    try:
        await kopf_ended.wait()
    finally:
        inlet.close()
        leave.ask()
        # Its watches are cut at once; what hangs beyond that ends with the process.
        await asyncio.to_thread(thread.join, _LEAVE_S)
    raise Ended("the watches ended")


class Leave:
    """Asks kopf to stop, from another thread; before it runs, too. (A threading.Event would make
    it wait in a thread of its own, which nothing can cancel: it would never end by itself.)"""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_asked = False
        self._flag: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def flag(self) -> asyncio.Event:
        """For kopf, in its own loop."""
        flag = asyncio.Event()
        with self._lock:
            self._flag, self._loop = flag, asyncio.get_running_loop()
            if self._is_asked:
                flag.set()
        return flag

    def ask(self) -> None:
        with self._lock, suppress(RuntimeError):  # a loop that is closed has left already
            self._is_asked = True
            if self._loop is not None and self._flag is not None:
                self._loop.call_soon_threadsafe(self._flag.set)


class Inlet:
    """From kopf's thread into the operator's loop: events in order, many at a time."""

    def __init__(
        self, desk: Desk, loop: asyncio.AbstractEventLoop, *, failed: asyncio.Event
    ) -> None:
        self._desk = desk
        self._loop = loop
        self._failed = failed
        self._waiting: deque[tuple[Kind, Mapping[str, Any]]] = deque()
        self._is_open = True

    def put(self, kind: Kind, event: Mapping[str, Any]) -> None:
        """Called in kopf's thread."""
        self._waiting.append((kind, event))
        # One wake-up for all that came before it is heeded.
        if len(self._waiting) == 1:
            self.call(self._take_in)

    def call(self, what: Callable[[], object]) -> None:
        with suppress(RuntimeError):  # the operator's loop is closed: nobody listens any more
            self._loop.call_soon_threadsafe(what)

    def close(self) -> None:
        self._is_open = False

    def _take_in(self) -> None:
        is_done = False
        try:
            for _ in range(min(_AT_ONCE, len(self._waiting))):
                kind, event = self._waiting.popleft()
                if self._is_open:
                    take_in(self._desk, kind, event)
            is_done = True
        finally:
            if not is_done:
                self._failed.set()  # a bug: the loop logs it, and the operator ends
        if self._waiting:
            self._loop.call_soon(self._take_in)


def take_in(desk: Desk, kind: Kind, event: Mapping[str, Any]) -> None:
    """One event of a watch, or one object of kopf's own list."""
    desk.metrics.watch_events.labels(kind.value).inc()
    item = event["object"]
    if event.get("type") == "DELETED":
        meta = item["metadata"]
        version = str(meta.get("resourceVersion", ""))
        touched = desk.cache.drop(kind, key_of(item), uid=meta["uid"], version=version)
    else:
        touched = desk.cache.put(kind, item)
    desk.spread(touched)


async def _watch(
    inlet: Inlet,
    namespaces: tuple[str, ...],
    read_login: ReadLogin,
    backoffs_s: tuple[float, ...],
    leave: Leave,
    ended: Callable[[], object],
) -> None:
    registry = kopf.OperatorRegistry()
    settings = _settings(backoffs_s)

    @kopf.on.login(registry=registry, id="login")
    async def _(**_: Any) -> kopf.ConnectionInfo:
        return login_of(await read_login())

    for kind in WATCHED:
        group, version, plural = _resource(kind)
        kopf.on.event(group, version, plural, registry=registry, id=f"on-{plural}")(
            _handler(inlet, kind)
        )
        if kind is Kind.EVENT:
            settings.watching.field_selectors[group, version, plural] = FAULT_FIELDS
        elif kind is not Kind.PAIR:
            settings.watching.label_selectors[group, version, plural] = names.SELECTOR
    tasks = await kopf.spawn_tasks(
        registry=registry,
        settings=settings,
        standalone=True,
        clusterwide=not namespaces,
        namespaces=namespaces,
        stop_flag=leave.flag(),
    )
    # Any of them ends only when something failed, or on request. kopf's own `run_tasks` would then
    # wait for all the others, and some of them may never come to an end.
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    ended()
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=_LEAVE_S)


def _handler(inlet: Inlet, kind: Kind) -> Callable[..., Awaitable[None]]:
    async def on_event(event: Mapping[str, Any], **_: Any) -> None:
        # The raw event: kopf's views of the object are slow to walk.
        inlet.put(kind, event)

    return on_event


def _settings(backoffs_s: tuple[float, ...]) -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.watching.chunk_size = 500
    settings.watching.server_timeout = 300
    settings.networking.request_timeout = 30
    settings.networking.error_backoffs = backoffs_s
    settings.posting.enabled = False
    settings.persistence.finalizer = f"{names.GROUP}/unused"
    settings.process.ultimate_exiting_timeout = None  # the process ends without kopf's help
    return settings


def _resource(kind: Kind) -> tuple[str, str, str]:
    prefix, plural = PATHS[kind]
    parts = prefix.strip("/").split("/")
    return ("", parts[1], plural) if parts[0] == "api" else (parts[1], parts[2], plural)


def login_of(configuration: Configuration) -> kopf.ConnectionInfo:
    """The same access as the writer's, for as long as a token surely lives."""
    words = (configuration.api_key.get("BearerToken") or "").split(" ", 1)
    scheme, token = words if len(words) == 2 else ("Bearer", words[0])
    return kopf.ConnectionInfo(
        server=configuration.host,
        ca_path=configuration.ssl_ca_cert,
        insecure=not configuration.verify_ssl,
        scheme=scheme if token else None,
        token=token or None,
        certificate_path=configuration.cert_file,
        private_key_path=configuration.key_file,
        expiration=datetime.now(UTC) + LOGIN_FOR,
    )
