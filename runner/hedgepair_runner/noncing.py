"""Nonces of one key: epochs, bands, and what became of the transaction at each nonce.

One slot is one nonce. It may hold alternatives, of which the venue can execute at most one; they
count once, at the largest (design §4.2 †). What settles a slot is one specific transaction of it,
executed, found by its own hash, or an order that carries the slot's client order index, which only
an executed transaction can have made. A refusal settles nothing (†): a second copy of the bytes
can still be accepted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from hedgepair_runner.contract.identity import BAND, NONCE_BITS
from hedgepair_runner.orders import (
    Accepted,
    OwnOrder,
    Refused,
    SendResult,
    SignedTx,
    Verdict,
    VerdictState,
)

BAND_RESERVE = 4_096
"""A new epoch is taken this many nonces before the band ends (design §4.4)."""
NOT_CONSUMED = ("expired", "21501", "21507", "21508", "21739", "not enough margin")
"""Engine failures that leave the nonce unused (protocol §7.1.3), by the text of `ae`: void bytes,
and margin that a resting order lacks. The venue's texts are not published; `consumed_after_all`
mends a wrong guess."""
INVALID_NONCE = 21104


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """The nonces that one epoch may sign.

    `start` is where it begins without a fence, at a venue that skips no nonces; `reserve` how many
    nonces before its end the next epoch is taken.
    """

    epoch: int
    start: int | None = None
    reserve: int = BAND_RESERVE

    @property
    def first(self) -> int:
        """The nonce of the fence, or of what began without one."""
        return self.epoch << NONCE_BITS if self.start is None else self.start

    @property
    def last(self) -> int:
        return self.first + BAND - 1

    def is_nearly_spent(self, nonce: int) -> bool:
        return nonce > self.last - self.reserve


def next_epoch(*, remembered_epoch: int, venue_nonce: int) -> int:
    """Above everything Redis remembers and the venue has seen (design §4.4 †)."""
    return max(remembered_epoch, venue_nonce >> NONCE_BITS) + 1


class Phase(Enum):
    SENDING = "sending"
    ACCEPTED = "accepted"
    """The door said 200: queued, a promise, no proof."""
    REFUSED = "refused"
    """Refused for its content, every copy that we know of. The nonce wants another transaction."""
    BOUNCED = "bounced"
    """21104: an earlier nonce of ours is missing, or ours was used already. Look by hash."""
    AMBIGUOUS = "ambiguous"
    SETTLED = "settled"
    FAILED = "failed"
    """Settled by a transaction that the engine failed: nothing was traded by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """One signed transaction for a slot. `lots` is signed; 0 for whatever opens nothing."""

    signed: SignedTx
    lots: int = 0
    client_order_index: int = 0
    price_ticks: int = 0
    covers_lots: int = 0
    """A's chain position when this was decided."""


@dataclass(slots=True, kw_only=True)
class Slot:
    nonce: int
    alternatives: list[Alternative] = field(default_factory=list)
    phase: Phase = Phase.SENDING
    sent_s: float = 0.0
    """When its bytes were last handed over (boot clock)."""
    first_sent_s: float = 0.0
    accepted_s: float = 0.0
    """When the door first said 200; 0.0: it has not. For receipts only."""
    sends: int = 0
    in_hand: int = 0
    """Sends whose answer is still awaited."""
    order: OwnOrder | None = None
    executed_hash: str = ""
    failed_hash: str = ""
    """Of a transaction that failed in the engine, as it seems without using the nonce."""
    refusal: Refused | None = None
    wants_other: bool = False
    """Settled by nothing yet, and its known bytes can no longer do so: needs an alternative."""

    @property
    def newest(self) -> Alternative:
        return self.alternatives[-1]

    @property
    def is_settled(self) -> bool:
        return self.phase in (Phase.SETTLED, Phase.FAILED)

    @property
    def largest_lots(self) -> int:
        """The most that this slot could still trade, signed; its alternatives are of one side."""
        return max((a.lots for a in self.alternatives), key=abs)

    @property
    def executed(self) -> Alternative | None:
        """The alternative that settled the slot, when its hash is known."""
        return next((a for a in self.alternatives if a.signed.tx_hash == self.executed_hash), None)

    @property
    def lots(self) -> int:
        """Signed size of the order that this slot is, or at worst may be."""
        executed = self.executed
        return self.largest_lots if executed is None else executed.lots

    @property
    def client_order_index(self) -> int:
        return max(a.client_order_index for a in self.alternatives)

    def may_execute_at(self, wall_ms: int, *, slack_ms: int = 2_000) -> bool:
        """Whether any of its bytes could still be valid: none is past its expiry."""
        return any(a.signed.expired_at_ms + slack_ms >= wall_ms for a in self.alternatives)

    def in_flight_lots(self, traded_lots: int) -> int:
        """What may yet come into the ledger from this slot (design §4.2 †), signed.

        `traded_lots` is what the ledger already holds of the slot's order.
        """
        if self.phase is Phase.FAILED or self.lots == 0:
            return 0
        if self.order is not None and self.order.is_terminal:
            return self.order.filled_lots * self.order.side - traded_lots
        return self.lots - traded_lots

    def is_closed(self, traded_lots: int) -> bool:
        """Terminal, and its trades add up: the two channels may arrive in any order (†)."""
        if self.phase is Phase.FAILED:
            return True
        if self.phase is not Phase.SETTLED:
            return False
        if self.lots == 0:
            return True
        return (
            self.order is not None
            and self.order.is_terminal
            and self.in_flight_lots(traded_lots) == 0
        )


class Line:
    """The open slots of one key, lowest nonce first."""

    def __init__(self, band: Band) -> None:
        self.band = band
        self.slots: dict[int, Slot] = {}
        self.next_nonce = band.first + 1
        self.executed_nonce = 0
        """The highest that is known to have executed."""
        self._by_hash: dict[str, Slot] = {}
        self._by_client: dict[int, Slot] = {}

    @property
    def lowest_unsettled(self) -> Slot | None:
        unsettled = (slot for slot in self.slots.values() if not slot.is_settled)
        return min(unsettled, key=lambda slot: slot.nonce, default=None)

    @property
    def is_spent(self) -> bool:
        return self.band.is_nearly_spent(self.next_nonce)

    def open(self) -> int:
        """Takes the next nonce of the band."""
        nonce = self.next_nonce
        if nonce > self.band.last:
            raise AssertionError("the band ended before a new epoch was taken (design §4.4)")
        self.next_nonce += 1
        return nonce

    def put(self, alternative: Alternative) -> Slot:
        """Records a signed transaction before it is sent."""
        nonce = alternative.signed.nonce
        if not self.band.first < nonce <= self.band.last:
            raise AssertionError("a signer stays in its band (law 5)")
        slot = self.slots.setdefault(nonce, Slot(nonce=nonce))
        slot.alternatives.append(alternative)
        slot.wants_other = False
        slot.phase = Phase.SENDING
        self._by_hash[alternative.signed.tx_hash] = slot
        if alternative.client_order_index:
            self._by_client[alternative.client_order_index] = slot
        return slot

    def by_client_index(self, client_order_index: int) -> Slot | None:
        return self._by_client.get(client_order_index)

    def sending(self, slot: Slot, *, now_s: float) -> None:
        slot.sent_s = now_s
        slot.first_sent_s = slot.first_sent_s or now_s
        slot.sends += 1
        slot.in_hand += 1

    def answered(self, slot: Slot, result: SendResult) -> None:
        """What the door said. Only a verdict or an order settles (†)."""
        slot.in_hand -= 1
        if slot.is_settled:
            return
        if isinstance(result, Accepted):
            slot.phase = Phase.ACCEPTED
            slot.wants_other = False
            return
        if isinstance(result, Refused):
            slot.refusal = result
            slot.phase = Phase.BOUNCED if result.code == INVALID_NONCE else Phase.REFUSED
            slot.wants_other = slot.phase is Phase.REFUSED
            return
        slot.phase = Phase.AMBIGUOUS

    def judged(self, verdict: Verdict) -> Slot | None:
        """A verdict found by hash. Returns the slot that it settled, if it did."""
        slot = self._by_hash.get(verdict.tx_hash)
        if slot is None or verdict.state is VerdictState.PENDING:
            return None
        was_settled = slot.is_settled
        if verdict.state is VerdictState.EXECUTED:
            # Also where an order has settled the slot already: a closed intent names its hash.
            slot.phase = Phase.SETTLED
            slot.executed_hash = verdict.tx_hash
            self.executed_nonce = max(self.executed_nonce, slot.nonce)
            return None if was_settled else slot
        if was_settled:
            return None
        is_newest = verdict.tx_hash == slot.newest.signed.tx_hash
        if any(mark in verdict.error.lower() for mark in NOT_CONSUMED):
            # An older alternative's end says nothing about the bytes that are under way.
            slot.failed_hash = verdict.tx_hash
            if is_newest:
                slot.phase, slot.wants_other = Phase.REFUSED, True
            return None
        if str(INVALID_NONCE) in verdict.error or "invalid nonce" in verdict.error.lower():
            if is_newest:
                slot.phase = Phase.BOUNCED
            return None
        slot.phase = Phase.FAILED
        slot.executed_hash = verdict.tx_hash
        return slot

    def consumed_after_all(self, slot: Slot) -> None:
        """A later nonce of ours executed, so this one was used: the failure did use it.

        Unless another order of the slot did: then only its own hash tells (†). That the venue
        *expects* a later nonce proves nothing: what it queued may yet fail, and leave this open.
        """
        rivals = any(a.lots and a.signed.tx_hash != slot.failed_hash for a in slot.alternatives)
        is_passed = self.executed_nonce > slot.nonce
        if slot.failed_hash and is_passed and not rivals and not slot.is_settled:
            slot.phase = Phase.FAILED
            slot.executed_hash = slot.failed_hash

    def order_seen(self, order: OwnOrder) -> Slot | None:
        """An order of ours: its being there proves that the slot executed."""
        slot = self._by_client.get(order.client_order_index)
        if slot is None:
            return None
        self.executed_nonce = max(self.executed_nonce, slot.nonce)
        if slot.order is None or _is_newer(order, slot.order):
            slot.order = order
        if not slot.is_settled:
            slot.phase = Phase.SETTLED
        return slot

    def forget(self, slot: Slot) -> None:
        """Drops a closed slot."""
        self.slots.pop(slot.nonce, None)
        for alternative in slot.alternatives:
            self._by_hash.pop(alternative.signed.tx_hash, None)
            self._by_client.pop(alternative.client_order_index, None)


def _is_newer(order: OwnOrder, known: OwnOrder) -> bool:
    """A terminal order changes no more, and what is filled never shrinks."""
    return not known.is_terminal and (order.is_terminal or order.filled_lots >= known.filled_lots)
