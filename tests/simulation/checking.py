"""The laws of design §14, checked at every event by arithmetic of its own.

It sees what the exchange does, what each process signs and hands over, and what each reports. It
asks nothing of the runners' rules: positions, slots and bands are counted here once more.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import orjson

from hedgepair_runner.contract.identity import (
    BAND,
    NONCE_BITS,
    Role,
    is_unwinding,
    read_client_order_index,
)
from hedgepair_runner.contract.status import RunnerReport, RunnerState
from hedgepair_runner.orders import SignedTx
from hedgepair_runner.venues.paper.events import Event, OrderChanged, Traded, TxChanged
from hedgepair_runner.venues.paper.records import (
    Order,
    OrderStatus,
    TimeInForce,
    Trade,
    TxRecord,
    TxStatus,
)
from tests.flow.auditing import Pair, lots_for

CREATE, CANCEL_ALL = 14, 16
UNKNOWING_S = 10.0
"""What others did on the accounts so lately, a runner need not have heard of."""
HEDGERS_DEADLINE_S = 4.0
"""Its reports live for three seconds, and are read four times a second."""
NOT_CONSUMED = ("21104", "21501", "21739")
"""Errors of the engine that leave a nonce unused, in this simulation (protocol §7.1.3)."""


@dataclass(frozen=True, slots=True)
class Violation:
    at_s: float
    text: str

    def __str__(self) -> str:
        return f"at {self.at_s:.4f} s: {self.text}"


@dataclass(slots=True)
class Leg:
    """One account and its key, as the exchange's events tell of them."""

    account: int
    position: int = 0
    trade_ids: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    passed: int = 0
    """The highest nonce that the engine has used."""
    fenced: int = 0
    slots: dict[int, dict[str, int]] = field(default_factory=dict)
    """Nonce → hash → signed lots of what was handed over and may still execute."""
    unwinding: set[int] = field(default_factory=set)
    """Nonces of what undoes on A what could not be hedged."""
    resting: set[int] = field(default_factory=set)

    def after(self, trade_id: int) -> int:
        """The position after this trade, or after the newest one before it."""
        found = bisect_right(self.trade_ids, trade_id)
        return self.positions[found - 1] if found else 0

    def note(self, trade_id: int, lots: int) -> None:
        self.position += lots
        self.trade_ids.append(trade_id)
        self.positions.append(self.position)

    def passes(self, nonce: int) -> None:
        self.passed = max(self.passed, nonce)
        for old in [each for each in self.slots if each <= self.passed]:
            del self.slots[old]

    def most(self, side: int) -> int:
        """What could still be bought (1) or sold (−1), alternatives once, at the largest (†)."""
        return sum(max(0, *(lots * side for lots in slot.values())) for slot in self.slots.values())


class Checker:
    """`violations` grows; nothing is ever raised here."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.violations: list[Violation] = []
        self.events = 0
        self.fills = 0
        self.hedges = 0
        self.now_s = 0.0
        self.maker = Leg(pair.maker_account)
        self.hedger = Leg(pair.hedger_account or 0)
        self._others: list[tuple[float, int]] = []
        """Trades that are no hedges, with their times."""
        self._foreign_s = float("-inf")
        self._hedger_told_s = float("-inf")
        self._epochs: dict[str, int] = {}
        self._lease_until_s: dict[str, float] = {}

    @property
    def net(self) -> int:
        return self.maker.position + self.hedger.position - self.pair.accepted_net_lots

    @property
    def has_met_strangers(self) -> bool:
        """Whether somebody else ever traded the accounts."""
        return self._foreign_s > float("-inf")

    def blame(self, text: str) -> None:
        self.violations.append(Violation(self.now_s, text))

    # -- the exchange ------------------------------------------------------------------------

    def hear(self, events: Sequence[Event], now_s: float) -> None:
        self.now_s = now_s
        for event in events:
            self.events += 1
            if isinstance(event, Traded):
                self._trade(event.trade)
            elif isinstance(event, TxChanged):
                leg = self._leg(event.record.account_index)
                if leg is not None and event.record.api_key_index == self.pair.key:
                    self._tx(event.record, leg)
            elif isinstance(event, OrderChanged):
                self._order(event.order)

    def _leg(self, account: int) -> Leg | None:
        if account == self.maker.account:
            return self.maker
        return self.hedger if account == self.hedger.account else None

    def _trade(self, trade: Trade) -> None:
        parties = {trade.maker.account_index, trade.taker.account_index}
        is_ours = all(_role_of(each.client_order_index) for each in (trade.maker, trade.taker))
        if parties == {self.maker.account, self.hedger.account} and is_ours:
            self.blame(f"trade {trade.trade_id} is between the pair's own legs (§4.6)")
        for party in (trade.maker, trade.taker):
            leg = self._leg(party.account_index)
            if leg is None:
                continue
            before, lots = self.net, lots_for(trade, leg.account)
            leg.note(trade.trade_id, lots)
            role = _role_of(party.client_order_index)
            is_undoing = is_unwinding(party.client_order_index)
            if (role is Role.HEDGER or is_undoing) and trade.trade_type == "trade":
                self.hedges += 1
                self._no_overshoot(trade, before)
                continue
            is_fill = role is Role.MAKER and trade.trade_type == "trade"
            self.fills += is_fill
            self._others.append((self.now_s, lots))
            if not is_fill:
                self._foreign_s = self.now_s

    def _no_overshoot(self, trade: Trade, before: int) -> None:
        """§14.2, to one lot; what others did meanwhile is not the hedge's doing."""
        lots = self.net - before
        for unknown in self._unknowing():
            then = before - unknown
            after = then + lots
            if abs(after) <= abs(then) and (after == 0 or after * then > 0):
                return
        self.blame(
            f"trade {trade.trade_id} took the net from {before} to {self.net} lots (law 2, §14.2)"
        )

    def _unknowing(self) -> Iterator[int]:
        """What of the net a hedger may not know of yet, once somebody else has traded.

        The pair's own fills are of one side until they are covered: not to know the last of them
        makes a hedge smaller, never wrong. A stranger's trade may be of the other side.
        """
        unknown = 0
        yield unknown
        if self.now_s - self._foreign_s > UNKNOWING_S:
            return
        for at_s, lots in reversed(self._others):
            if self.now_s - at_s > UNKNOWING_S:
                return
            unknown += lots
            yield unknown

    def _tx(self, record: TxRecord, leg: Leg) -> None:
        if record.status is TxStatus.PENDING:
            return
        is_executed = record.status is TxStatus.EXECUTED
        if is_executed and record.nonce <= leg.passed:
            self.blame(
                f"account {leg.account} executed nonce {_name(record.nonce)} after "
                f"{_name(leg.passed)} (law 5, §14.4)"
            )
        if is_executed and record.nonce < leg.fenced:
            self.blame(f"nonce {_name(record.nonce)} executed after a later fence (§14.5)")
        if is_executed and record.tx_type == CANCEL_ALL and not record.nonce % BAND:
            leg.fenced = record.nonce
        if is_executed or not any(code in record.event_info for code in NOT_CONSUMED):
            leg.passes(record.nonce)
            if leg is self.hedger:
                self._cover("executed", record.nonce)

    def _order(self, order: Order) -> None:
        if order.account_index != self.maker.account or _role_of(order.client_order_index) is None:
            return
        if order.status is not OrderStatus.OPEN:
            self.maker.resting.discard(order.order_index)
        elif order.order_index not in self.maker.resting:
            self.maker.resting.add(order.order_index)
            if not self._is_covered():
                self.blame(f"a quote came to rest while {self.net} lots were uncovered (§14.8)")

    def _is_covered(self) -> bool:
        # What the network refuses as too small is carried; else a lot is a lot.
        most = self.pair.carried_lots
        return any(abs(self.net - unknown) <= most for unknown in self._unknowing())

    # -- the processes -----------------------------------------------------------------------

    def holds_lease(self, name: str, *, until_s: float) -> None:
        """By the checker's own clock, from when the request was sent."""
        self._lease_until_s[name] = until_s

    def signed(self, name: str, role: Role, nonce: int, *, is_fence: bool, now_s: float) -> None:
        self.now_s = now_s
        if now_s >= self._lease_until_s.get(name, float("-inf")):
            self.blame(f"{name} signed nonce {_name(nonce)} without a valid lease (law 5)")
        if is_fence:
            self._epochs[name] = nonce >> NONCE_BITS
            if nonce % BAND:
                self.blame(f"{name} fenced with nonce {_name(nonce)}, inside a band (§4.4)")
        elif nonce >> NONCE_BITS != self._epochs.get(name) or not nonce % BAND:
            self.blame(f"{name} signed nonce {_name(nonce)} outside its band (§14.5)")

    def handed(
        self, name: str, role: Role, signed: SignedTx, told: RunnerReport, *, now_s: float
    ) -> None:
        """`told` is what the process believes at this moment."""
        self.now_s = now_s
        leg = self.hedger if role is Role.HEDGER else self.maker
        if signed.nonce <= leg.passed or signed.nonce < leg.fenced:
            return
        info = orjson.loads(signed.info)
        slot = leg.slots.setdefault(signed.nonce, {})
        if signed.tx_hash in slot:
            return
        if signed.tx_type != CREATE:
            slot[signed.tx_hash] = 0
            return
        slot[signed.tx_hash] = info["BaseAmount"] * (-1 if info["IsAsk"] else 1)
        if is_unwinding(info["ClientOrderIndex"]):
            leg.unwinding.add(signed.nonce)
        self._excluded(name, signed.nonce)
        if role is Role.HEDGER:
            self._cover("signed", signed.nonce)
            if told.gap_lots is None:
                self.blame(f"{name} sent a hedge while its gap was unknown (§14.3)")
        elif info["TimeInForce"] != TimeInForce.IOC:
            self._quoted(name, signed, told)

    def _excluded(self, name: str, nonce: int) -> None:
        """§14.6: never a live hedge on B and a live unwind on A at once."""
        undoes = any(each in self.maker.slots for each in self.maker.unwinding)
        if undoes and (self.hedger.most(1) or self.hedger.most(-1)):
            self.blame(f"with {name}'s {_name(nonce)} both sides act at once (§14.6)")

    def _quoted(self, name: str, signed: SignedTx, told: RunnerReport) -> None:
        """§14.7 and §14.8: what was true when the quote was decided."""
        nonce = _name(signed.nonce)
        if told.position_lots is None or told.state is not RunnerState.RUNNING:
            self.blame(f"{name} quoted {nonce} while {told.reason or told.state} (§14.7)")
        if self.now_s - self._hedger_told_s > HEDGERS_DEADLINE_S:
            self.blame(f"{name} quoted {nonce} without a fresh report of the hedger (law 4)")
        if not self._is_covered():
            self.blame(f"{name} quoted {nonce} while {self.net} lots were uncovered (§14.8)")
        if self.hedger.most(1) or self.hedger.most(-1):
            self.blame(f"{name} quoted {nonce} while a hedge could still execute (§14.8)")
        others = [
            each
            for each, slot in self.maker.slots.items()
            if each != signed.nonce and any(slot.values())
        ]
        if others or self.maker.resting:
            self.blame(f"{name} quoted {nonce} before the previous order was settled (§14.8)")

    def _cover(self, when: str, nonce: int) -> None:
        """§14.1: what could still execute on B never takes the net past zero."""
        lot = 1
        for side in (1, -1):
            most = self.hedger.most(side)
            if not most:
                continue
            needs = [max(0, -(self.net - unknown) * side) for unknown in self._unknowing()]
            if most > max(needs) + lot:
                word = "bought" if side > 0 else "sold"
                self.blame(
                    f"when {_name(nonce)} was {when}, {most} lots could be {word} on B with a "
                    f"net of {self.net} (law 2, §14.1)"
                )

    def reported(self, report: RunnerReport, now_s: float) -> None:
        """§14.3: a position that is told with its trade id is the exchange's own."""
        self.now_s = now_s
        if report.role != Role.HEDGER.label:
            return
        if report.state is RunnerState.RUNNING:
            self._hedger_told_s = now_s
        ids = (report.maker_chain_trade_id, report.hedger_chain_trade_id)
        told = (report.maker_chain_lots, report.hedger_chain_lots)
        true: list[int] = []
        for leg, trade_id, lots in zip((self.maker, self.hedger), ids, told, strict=True):
            if trade_id is None or lots is None:
                return
            true.append(leg.after(trade_id))
            if true[-1] != lots:
                self.blame(
                    f"{report.holder} has account {leg.account} at {lots} lots after trade "
                    f"{trade_id}; it was at {true[-1]} (§14.3)"
                )
        gap = sum(true) - self.pair.accepted_net_lots
        if not report.in_flight and report.gap_lots not in (None, gap):
            self.blame(f"{report.holder} tells a gap of {report.gap_lots}, it is {gap} (§14.3)")


def _role_of(client_order_index: int) -> Role | None:
    parts = read_client_order_index(client_order_index)
    return parts.role if parts is not None else None


def _name(nonce: int) -> str:
    return f"{nonce >> NONCE_BITS}:{nonce % BAND}"
