"""What the pairs of a namespace share: the headless Service of their metrics and one NetworkPolicy.

Egress follows from where the pairs' venues, the release's paper exchange and Redis are: DNS, those
hosts and ports, and the networks that the chart's values name. A policy cannot name a host outside
the cluster, so such a host opens its port to every address.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from hedgepair_operator import names
from hedgepair_operator.differing import stamped
from hedgepair_operator.settings import OperatorSettings
from hedgepair_runner.contract.manifest import HedgePair

_PORTS: Final = {"http": 80, "https": 443, "redis": 6379, "rediss": 6379}
_NAMESPACE_LABEL: Final = "kubernetes.io/metadata.name"


@dataclass(frozen=True, slots=True, order=True)
class Destination:
    host: str
    port: int


def destination_of(url: str) -> Destination | None:
    """None for what has no host, such as a unix socket."""
    parts = urlsplit(url)
    if not parts.hostname:
        return None
    return Destination(host=parts.hostname, port=parts.port or _PORTS.get(parts.scheme, 443))


def destinations(
    pairs: Iterable[HedgePair], settings: OperatorSettings, *, redis_url: str
) -> tuple[Destination, ...]:
    urls = [redis_url]
    for pair in pairs:
        urls.append(pair.spec.exchange.effective_url or settings.paper_url or "")
        if pair.spec.runner is not None and pair.spec.runner.proxy is not None:
            urls.append(pair.spec.runner.proxy.url)
    found = (destination_of(url) for url in urls)
    return tuple(sorted({one for one in found if one is not None}))


def shared_objects(
    namespace: str, pairs: Iterable[HedgePair], settings: OperatorSettings, *, redis_url: str
) -> tuple[dict[str, Any], ...]:
    """What a namespace with these pairs (at least one) should hold besides their own children."""
    service = _shared(
        "v1",
        "Service",
        namespace,
        {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,  # a runner that is not ready has metrics, too
            "selector": {names.MANAGED_BY: names.MANAGER},
            "ports": [{"name": "http", "port": names.HTTP_PORT, "targetPort": "http"}],
        },
    )
    if not settings.network_policies:
        return (service,)
    egress = [_dns(), *_towards(destinations(pairs, settings, redis_url=redis_url), settings)]
    policy = _shared(
        "networking.k8s.io/v1",
        "NetworkPolicy",
        namespace,
        {
            "podSelector": {"matchLabels": {names.MANAGED_BY: names.MANAGER}},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [
                {
                    "from": [
                        _namespace(name)
                        for name in sorted({settings.own_namespace, *settings.metrics_namespaces})
                    ],
                    "ports": [_tcp(names.HTTP_PORT)],
                }
            ],
            "egress": egress,
        },
    )
    return service, policy


def _shared(api_version: str, kind: str, namespace: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Owned by no single pair: the operator deletes it with the namespace's last one."""
    return stamped(
        {
            "apiVersion": api_version,
            "kind": kind,
            "metadata": {
                "name": names.RUNNERS,
                "namespace": namespace,
                "labels": names.shared_labels(),
                "annotations": {},
            },
            "spec": spec,
        }
    )


def _towards(found: Iterable[Destination], settings: OperatorSettings) -> list[Mapping[str, Any]]:
    rules: list[Mapping[str, Any]] = []
    for one in found:
        peer = _peer(one.host, settings)
        rules.append({"to": [peer]} if peer else {})
        rules[-1] = {**rules[-1], "ports": [_tcp(one.port)]}
    if settings.extra_egress_cidrs:
        rules.append({"to": [{"ipBlock": {"cidr": cidr}} for cidr in settings.extra_egress_cidrs]})
    return rules


def _peer(host: str, settings: OperatorSettings) -> dict[str, Any]:
    """Empty where the host has no form that a policy knows."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return {"ipBlock": {"cidr": f"{address}/{address.max_prefixlen}"}}
    labels = host.rstrip(".").split(".")
    if len(labels) == 1:
        return _namespace(settings.own_namespace)
    # `redis.data` alone may be a Service in a namespace or a host of a private domain.
    return _namespace(labels[1]) if len(labels) > 2 and labels[2] == "svc" else {}


def _namespace(name: str) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": {_NAMESPACE_LABEL: name}}}


def _dns() -> Mapping[str, Any]:
    return {"ports": [{"protocol": "UDP", "port": 53}, _tcp(53)]}


def _tcp(port: int) -> dict[str, Any]:
    return {"protocol": "TCP", "port": port}
