"""A venue for one key, with every liberty the real one takes: copies linger on the wire, answers
get lost, IOC orders fill as they like, and what happened is told late, twice and in any order."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

from hedgepair_runner.noncing import Alternative, Slot
from hedgepair_runner.orders import (
    Accepted,
    AccountTrade,
    Ambiguous,
    OwnOrder,
    Refused,
    SendResult,
    Verdict,
    VerdictState,
)
from tests.decide.facts import HEDGER_ACCOUNT, order, trade, verdict

News = AccountTrade | OwnOrder | Verdict


class Door(Enum):
    """What becomes of one copy that reaches the venue."""

    LETS_IN = auto()
    REFUSES = auto()
    LIMITS = auto()
    """429, and the copy may yet come through."""
    SWALLOWS = auto()
    LETS_IN_SILENTLY = auto()


class Fate(Enum):
    """What the engine makes of the transaction at the head of its queue."""

    EXECUTES = auto()
    FAILS = auto()
    """Consumes the nonce."""
    LACKS_MARGIN = auto()
    """Does not (protocol §7.1.3)."""


@dataclass(frozen=True, kw_only=True)
class Copy:
    slot: Slot
    alternative: Alternative


@dataclass(kw_only=True)
class ToyVenue:
    """`expected` is the nonce that executes next; `consumed` says what each used one traded."""

    expected: int
    position_lots: int = 0
    last_id: int = 100
    wire: list[Copy] = field(default_factory=list)
    queue: list[Alternative] = field(default_factory=list)
    news: list[News] = field(default_factory=list)
    answers: list[tuple[Slot, SendResult]] = field(default_factory=list)
    consumed: dict[int, tuple[str, int]] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)

    def next_id(self) -> int:
        self.last_id += 1
        return self.last_id

    def arrives(self, copy: Copy, door: Door) -> None:
        if door is not Door.LIMITS:
            self.wire.remove(copy)
        self.answers.append((copy.slot, self._answer(copy.alternative, door)))

    def _answer(self, alternative: Alternative, door: Door) -> SendResult:
        if door is Door.SWALLOWS:
            return Ambiguous(reason="timeout")
        if door is Door.LIMITS:
            return Ambiguous(reason="429")
        is_next = alternative.signed.nonce == self._nonce_at_door()
        if not is_next:
            silent = door is Door.LETS_IN_SILENTLY
            return Ambiguous(reason="reset") if silent else Refused(code=21104, message="nonce")
        if door is Door.REFUSES:
            return Refused(code=21733, message="accidental price")
        self.queue.append(alternative)
        if door is Door.LETS_IN_SILENTLY:
            return Ambiguous(reason="timeout")
        return Accepted(tx_hash=alternative.signed.tx_hash)

    def _nonce_at_door(self) -> int:
        return self.queue[-1].signed.nonce + 1 if self.queue else self.expected

    def execute(self, fate: Fate, *, lots: int, parts: int) -> Alternative | None:
        """Takes the head of the queue; the alternative that executed, filled by `lots` (signed)."""
        alternative = self.queue.pop(0)
        if alternative.signed.nonce != self.expected:
            self._judge(alternative, "21104: invalid nonce")
            return None
        if fate is Fate.LACKS_MARGIN:
            self._judge(alternative, "21739: not enough margin to create the order")
            return None
        self.expected += 1
        filled = lots if fate is Fate.EXECUTES else 0
        self.consumed[alternative.signed.nonce] = (alternative.signed.tx_hash, filled)
        if fate is Fate.FAILS:
            self._judge(alternative, "21600: given order is not an active limit order")
            return None
        self._judge(alternative, "")
        if alternative.lots:
            self._trade(alternative, filled, parts)
        return alternative

    def _judge(self, alternative: Alternative, error: str) -> None:
        state = VerdictState.FAILED if error else VerdictState.EXECUTED
        told = verdict(alternative, state, error)
        self.verdicts[alternative.signed.tx_hash] = told
        self.news.append(told)

    def _trade(self, alternative: Alternative, filled: int, parts: int) -> None:
        index = alternative.client_order_index
        first = filled // 2 if parts > 1 else filled
        for lots in (first, filled - first):
            if lots:
                self.news.append(
                    trade(
                        self.next_id(),
                        lots,
                        self.position_lots,
                        account=HEDGER_ACCOUNT,
                        index=index,
                    )
                )
                self.position_lots += lots
        is_whole = filled == alternative.lots
        status = "filled" if is_whole else "canceled-not-enough-liquidity"
        self.news.append(order(index, alternative.lots, filled=abs(filled), status=status))
