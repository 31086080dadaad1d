"""What may go wrong between a client and an exchange in the same process.

A test or a simulation gives its own Faults; this one lets everything through.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Outcome(Enum):
    ARRIVES = "arrives"
    TWICE = "arrives twice"
    LOST = "is lost, and the connection stays"
    CUT = "is lost with the connection"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What becomes of one frame; later frames of its direction never overtake it."""

    outcome: Outcome = Outcome.ARRIVES
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RestFate:
    """What becomes of one request. `instead` is answered without asking the exchange."""

    is_request_lost: bool = False
    is_answer_lost: bool = False
    delay_s: float = 0.0
    instead: tuple[int, bytes] | None = None


ARRIVES = Fate()
ANSWERED = RestFate()


class Faults:
    """Asked once per connection, frame and request, in the order they happen."""

    def accepts_connection(self) -> bool:
        return True

    def to_venue(self, frame: str) -> Fate:
        return ARRIVES

    def to_client(self, frame: bytes) -> Fate:
        return ARRIVES

    def request(self, method: str, path: str) -> RestFate:
        return ANSWERED
