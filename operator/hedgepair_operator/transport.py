"""kopf as transport, and as nothing else: its watches feed the cache and the queue.

Only `on.event`: no annotation, no finalizer, no write of any kind (reasons, measured: operators.md
§3.3). It never raises and never waits. When a watch fails for good, kopf ends, and with it the
process: everything that matters is in the API server, and a fresh start reads it again.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
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
ReadLogin = Callable[[], Awaitable[Configuration]]


class Ended(Exception):
    """kopf ended by itself: the process ends, too, and is started again."""


async def carry(desk: Desk, read_login: ReadLogin, *, backoffs_s: tuple[float, ...]) -> None:
    """Watches until kopf fails. Raises Ended."""
    registry = kopf.OperatorRegistry()
    settings = _settings(backoffs_s)

    @kopf.on.login(registry=registry, id="login")
    async def _(**_: Any) -> kopf.ConnectionInfo:
        return login_of(await read_login())

    for kind in WATCHED:
        group, version, plural = _resource(kind)
        kopf.on.event(group, version, plural, registry=registry, id=f"on-{plural}")(
            _handler(desk, kind)
        )
        if kind is Kind.EVENT:
            settings.watching.field_selectors[group, version, plural] = FAULT_FIELDS
        elif kind is not Kind.PAIR:
            settings.watching.label_selectors[group, version, plural] = names.SELECTOR
    namespaces = desk.settings.watch_namespaces
    await kopf.operator(
        registry=registry,
        settings=settings,
        standalone=True,
        clusterwide=not namespaces,
        namespaces=namespaces,
    )
    raise Ended("the watches ended")


def _handler(desk: Desk, kind: Kind) -> Callable[..., Awaitable[None]]:
    async def on_event(event: Mapping[str, Any], **_: Any) -> None:
        desk.metrics.watch_events.labels(kind.value).inc()
        item = event["object"]
        # A raw dict: kopf's views of the object are slow to walk.
        if event.get("type") == "DELETED":
            meta = item["metadata"]
            touched = desk.cache.drop(
                kind, key_of(item), uid=meta["uid"], version=str(meta.get("resourceVersion", ""))
            )
        else:
            touched = desk.cache.put(kind, item)
        desk.spread(touched)

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
    settings.process.ultimate_exiting_timeout = 60
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
