"""Alarms: what went wrong and people should know, in the order it was told (design §8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

KEPT_ALARMS: Final = 1_000


class Severity(StrEnum):
    CRITICAL = "critical"
    """Money is at risk, or the pair has stopped: somebody should look now."""
    WARNING = "warning"


_CRITICAL: Final = frozenset({"Unhedged", "UnhedgedTooLong", "HedgeRejected", "Liquidated"})
_HALT: Final = "Halted/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """`kind` is a word of the resource's conditions, `message` a sentence with the remedy. `role`
    is empty and `epoch` 0 where nobody was in office. `id` is its place in the journal."""

    id: str
    kind: str
    message: str
    at_ms: int
    role: str
    epoch: int
    severity: Severity


def severity_of(kind: str) -> Severity:
    is_critical = kind in _CRITICAL or kind.startswith(_HALT)
    return Severity.CRITICAL if is_critical else Severity.WARNING


def alarm_fields(kind: str, message: str, *, role: str, epoch: int) -> dict[str, str | int]:
    """An entry of the stream; when, its id tells."""
    return {
        "kind": kind,
        "message": message,
        "role": role,
        "epoch": epoch,
        "severity": severity_of(kind).value,
    }


def read_alarm(entry_id: bytes, fields: Mapping[bytes, bytes]) -> Alarm:
    """An entry as stored; what an older writer did not write is made up for."""
    kind = fields[b"kind"].decode()
    severity = fields.get(b"severity", b"").decode()
    known = severity in {each.value for each in Severity}
    return Alarm(
        id=entry_id.decode(),
        kind=kind,
        message=fields[b"message"].decode(),
        at_ms=int(entry_id.partition(b"-")[0]),
        role=fields.get(b"role", b"").decode(),
        epoch=int(fields.get(b"epoch", b"0")),
        severity=Severity(severity) if known else severity_of(kind),
    )
