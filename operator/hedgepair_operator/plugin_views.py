"""What `kubectl hedgepair` shows of HedgePairs, and the patches that its verbs are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from hedgepair_operator import names

Resource = Mapping[str, Any]
Patch = dict[str, Any]
UNKNOWN: Final = "unknown"
_MOST_ACKNOWLEDGED: Final = 16
_HEADERS: Final = ("NAME", "MARKET", "READY", "HEDGED", "MAKER", "HEDGER", "NET", "STATE")


class NotStanding(Exception):
    """The halt that was named does not stand; the message says which one does."""


# -- patches --------------------------------------------------------------------------------------


def suspended(*, flatten: bool) -> Patch:
    return {
        "spec": {
            "suspend": True,
            "suspendPolicy": "Flatten" if flatten else "CancelOrders",
        }
    }


def resumed() -> Patch:
    return {"spec": {"suspend": False}}


def acknowledged(resource: Resource, halt_id: str) -> Patch:
    """Raises NotStanding."""
    halt = _status(resource).get("halt") or {}
    standing = str(halt.get("id", ""))
    before = _annotations(resource).get(names.ACKNOWLEDGE, "").replace(",", " ").split()
    if halt_id != standing and halt_id not in before:
        says = f"{standing} does ({halt.get('reason')})" if standing else "none does, by its status"
        raise NotStanding(f"no halt {halt_id} stands; {says}")
    kept = [*dict.fromkeys([*before, halt_id])][-_MOST_ACKNOWLEDGED:]
    return _annotated(names.ACKNOWLEDGE, ",".join(kept))


def restarted(now: datetime) -> Patch:
    return _annotated(names.RESTARTED_AT, now.isoformat(timespec="seconds"))


def forced_to_go() -> Patch:
    return _annotated(names.FORCE_DELETE, "true")


def _annotated(name: str, value: str) -> Patch:
    return {"metadata": {"annotations": {name: value}}}


# -- views ----------------------------------------------------------------------------------------


def table(resources: Iterable[Resource], *, with_namespace: bool) -> list[str]:
    """Lines of a table, one for each pair, and below it what is wrong with whom."""
    resources = list(resources)
    head = ("NAMESPACE", *_HEADERS) if with_namespace else _HEADERS
    rows: list[tuple[str, ...]] = [head]
    for resource in resources:
        cells = _cells(resource)
        namespace = str(resource["metadata"].get("namespace", ""))
        rows.append((namespace, *cells) if with_namespace else cells)
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return lines + [line for resource in resources for line in _halt_lines(resource)]


def _cells(resource: Resource) -> tuple[str, ...]:
    status = _status(resource)
    return (
        str(resource["metadata"]["name"]),
        str(resource.get("spec", {}).get("market", "")),
        _condition(resource, "Ready"),
        _condition(resource, "Hedged"),
        _position(status, "maker"),
        _position(status, "hedger"),
        str(status.get("netExposure", UNKNOWN)),
        _state(resource),
    )


def details(resource: Resource) -> list[str]:
    """Everything of one pair: legs side by side, conditions that say something, halts."""
    status = _status(resource)
    spec = resource.get("spec", {})
    network = (spec.get("exchange") or {}).get("network", "")
    meta = resource["metadata"]
    mode = spec.get("mode", "Hedge")
    lines = [
        f"{meta.get('namespace', '')}/{meta['name']} · {mode} · {spec.get('market')} · {network}"
    ]
    facts = [
        ("state", _state(resource)),
        ("net", str(status.get("netExposure", UNKNOWN))),
        ("hedged", _condition(resource, "Hedged").lower()),
        ("unhedged since", status.get("unhedgedSince")),
        ("realised", _money(status.get("realizedPnl"))),
        ("observed", status.get("observedAt")),
    ]
    lines += [f"  {label:<16} {value}" for label, value in facts if value]
    lines.append("")
    lines.append(f"  {'':<16} {'maker':<28} hedger".rstrip())
    maker, hedger = status.get("maker") or {}, status.get("hedger") or {}
    for label, field in (
        ("position", "position"),
        ("entry price", "entryPrice"),
        ("open orders", "openOrders"),
        ("epoch", "epoch"),
        ("last fill", "lastFillTime"),
        ("version", "version"),
        ("pod", "pod"),
    ):
        if field in maker or field in hedger:
            left, right = maker.get(field, UNKNOWN), hedger.get(field, UNKNOWN)
            lines.append(f"  {label:<16} {left!s:<28} {right!s}".rstrip())
    told = [
        f"  {each['type']:<12} {each['status']:<8} {each.get('reason', '')}: "
        f"{each.get('message', '')}".rstrip(": ")
        for each in status.get("conditions") or ()
    ]
    return [*lines, "", *told, *_halt_lines(resource)]


def _halt_lines(resource: Resource) -> list[str]:
    halt = _status(resource).get("halt") or {}
    if not halt:
        return []
    meta = resource["metadata"]
    name, namespace = meta["name"], meta.get("namespace", "default")
    reason = _condition_of(resource, "Halted").get("message") or halt.get("reason", "")
    return [
        f"HALT {halt.get('id')} of {name} since {halt.get('since')}: {reason}",
        "  once you have dealt with it: "
        f"kubectl hedgepair acknowledge {name} {halt.get('id')} -n {namespace}",
    ]


def _state(resource: Resource) -> str:
    """One word for where the pair is."""
    meta, spec = resource["metadata"], resource.get("spec", {})
    if meta.get("deletionTimestamp"):
        return "Deleting"
    for kind in ("Halted", "Completed", "Suspended"):
        if _condition(resource, kind) == "True":
            return kind
    if _condition(resource, "Accepted") == "False":
        return str(_condition_of(resource, "Accepted").get("reason", "Refused"))
    if spec.get("suspend"):
        return "Suspending"
    ready = _condition(resource, "Ready")
    if ready == "True":
        return "Running"
    return str(_condition_of(resource, "Ready").get("reason", UNKNOWN))


def is_suspended(resource: Resource) -> bool:
    return _condition(resource, "Suspended") == "True" and _is_current(resource)


def is_resumed(resource: Resource) -> bool:
    return _condition(resource, "Suspended") != "True" and _is_current(resource)


def _is_current(resource: Resource) -> bool:
    """Whether the status speaks of the spec as it is now."""
    observed = _status(resource).get("observedGeneration", -1)
    return bool(observed >= resource["metadata"].get("generation", 0))


def _position(status: Resource, leg: str) -> str:
    return str((status.get(leg) or {}).get("position", UNKNOWN))


def _condition(resource: Resource, kind: str) -> str:
    return str(_condition_of(resource, kind).get("status", "Unknown"))


def _condition_of(resource: Resource, kind: str) -> Resource:
    conditions: Sequence[Resource] = _status(resource).get("conditions") or ()
    return next((each for each in conditions if each.get("type") == kind), {})


def _money(amount: object) -> str:
    return f"{amount} USDC" if amount is not None else ""


def _status(resource: Resource) -> Resource:
    return resource.get("status") or {}


def _annotations(resource: Resource) -> Mapping[str, str]:
    return resource["metadata"].get("annotations") or {}
