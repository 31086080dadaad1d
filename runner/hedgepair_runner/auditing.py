"""Judges a pair by the venue's records alone: the laws of design §14 for a period.

What the records cannot tell is left out: what a runner knew (formula 7), its ledger (3), its
receipts (10). The numbers are those of the formulae.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from itertools import pairwise

from hedgepair_runner.audit_exposures import exposure_of, is_within_gap, overshoot_lots
from hedgepair_runner.audit_facts import AuditFacts, LegFacts, OrderFact, TxFact, nonce_low
from hedgepair_runner.audit_tapes import (
    Deed,
    Move,
    Tape,
    breaks,
    first_trade_ids,
    opening_lots,
)
from hedgepair_runner.audit_verdicts import (
    Audit,
    AuditQuestion,
    Exposure,
    LegSummary,
    OutsideTrade,
    Violation,
)
from hedgepair_runner.contract.identity import BAND, Role

OUTSIDE_NEWS_US = 1_000_000
"""A trade past the pair may be unknown to it for so long: what it signed meanwhile is excused."""


def audit(facts: AuditFacts, question: AuditQuestion) -> Audit:
    return _Auditor(facts, question).verdict()


class _Auditor:
    def __init__(self, facts: AuditFacts, question: AuditQuestion) -> None:
        self._facts = facts
        self._question = question
        self._tape = Tape(facts, question)
        self._moves = self._tape.until(facts.to_us)
        self._first_ids = first_trade_ids(facts.trades)
        self._is_pair = facts.maker is not None and facts.hedger is not None
        self._worst_overshoot = 0

    def verdict(self) -> Audit:
        facts = self._facts
        violations = [*self._nonces(), *self._rests(), *self._books()]
        exposure = None
        if self._is_pair:
            violations += [*self._trades(), *self._hedge_orders(), *self._quotes()]
            violations += self._exclusion()
            exposure = exposure_of(
                self._facts,
                opening_lots=self._tape.opening_lots,
                moves=self._moves,
                carried_lots=self._question.carried_lots,
                worst_overshoot_lots=self._worst_overshoot,
            )
            violations += self._cover(exposure)
        deeds = [deed for move in self._moves for deed in move.deeds]
        outside = tuple(self._outside())
        return Audit(
            market=facts.market,
            from_us=facts.from_us,
            to_us=facts.to_us,
            fills=deeds.count(Deed.QUOTE),
            hedges=deeds.count(Deed.HEDGE),
            unwinds=deeds.count(Deed.UNWIND),
            exposure=exposure,
            legs=tuple(self._summary(role, leg) for role, leg in self._legs()),
            foreign=tuple(each for each, deed in outside if deed is Deed.FOREIGN),
            forced=tuple(each for each, deed in outside if deed is Deed.FORCED),
            violations=tuple(violations),
            gaps=facts.gaps,
        )

    def _legs(self) -> Iterator[tuple[Role, LegFacts]]:
        if self._facts.maker is not None:
            yield Role.MAKER, self._facts.maker
        if self._facts.hedger is not None:
            yield Role.HEDGER, self._facts.hedger

    # -- keys, orders, positions -------------------------------------------------------------

    def _nonces(self) -> Iterator[Violation]:
        """Slots and fencing: what a key executed climbs, in the order of execution."""
        for _, leg in self._legs():
            # The same bytes may have come twice, be listed twice, and were executed once.
            own = {
                tx.tx_hash: tx
                for tx in leg.txs
                if tx.is_executed and tx.api_key_index == leg.api_key_index
            }
            executed = sorted(own.values(), key=lambda tx: (tx.executed_us, tx.sequence))
            for earlier, later in pairwise(executed):
                who = f"account {leg.account_index}, key {leg.api_key_index},"
                if later.nonce == earlier.nonce:
                    yield Violation(
                        formula=4,
                        sentence=f"{who} executed two transactions of nonce {later.nonce}",
                    )
                elif later.nonce < earlier.nonce:
                    yield Violation(
                        formula=5,
                        sentence=f"{who} executed nonce {later.nonce} after {earlier.nonce}",
                    )

    def _rests(self) -> Iterator[Violation]:
        """Nothing outlives its owner; a pair that runs has one quote at most (law 6)."""
        for role, leg in self._legs():
            own = [
                order
                for order in leg.orders
                if order.is_resting and self._tape.own_index(order.client_order_index, role)
            ]
            allowed = 1 if role is Role.MAKER and not self._question.has_ended else 0
            for order in own[allowed:]:
                yield Violation(
                    formula=9,
                    sentence=f"order {order.order_index} of the {role.label}'s account "
                    f"{leg.account_index} still rests",
                )

    def _books(self) -> Iterator[Violation]:
        """Trades and positions tell one story."""
        for _, leg in self._legs():
            for trade, position, party in breaks(leg, self._facts.trades):
                yield Violation(
                    formula=3,
                    sentence=f"trade {trade.trade_id} found account {leg.account_index} at "
                    f"{self._base(party.before_lots or 0)}, its trades add up to "
                    f"{self._base(position)}",
                )
            trades = self._facts.trades
            total = opening_lots(leg, trades) + sum(
                trade.lots_for(leg.account_index) for trade in trades
            )
            if total != leg.position_lots:
                yield Violation(
                    formula=3,
                    sentence=f"account {leg.account_index} holds {self._base(leg.position_lots)}, "
                    f"its trades add up to {self._base(total)}",
                )

    # -- both legs ---------------------------------------------------------------------------

    def _trades(self) -> Iterator[Violation]:
        """No trade with oneself, and no hedge or unwind beyond zero."""
        signed = self._signed_at()
        for move in self._moves:
            if move.is_between_legs:
                yield Violation(
                    formula=2,
                    sentence=f"trade {move.trade.trade_id} is between the pair's own legs",
                )
                continue
            deed = move.deeds[0] if move.deeds else None
            if deed not in (Deed.HEDGE, Deed.UNWIND):
                continue
            beyond = overshoot_lots(move.before_lots, move.after_lots)
            if beyond and not self._is_excused(move, signed, deed):
                self._worst_overshoot = max(self._worst_overshoot, beyond)
                name = "hedge" if deed is Deed.HEDGE else "unwind"
                yield Violation(
                    formula=2,
                    sentence=f"{name} {move.trade.trade_id} took the net from "
                    f"{self._base(move.before_lots)} to {self._base(move.after_lots)}",
                )

    def _is_excused(self, move: Move, signed: Mapping[int, int], deed: Deed) -> bool:
        """Not beyond zero but for what the other leg, or outsiders, traded since it was signed."""
        leg = self._facts.hedger if deed is Deed.HEDGE else self._facts.maker
        party = None if leg is None else move.trade.party(leg.account_index)
        since_us = signed.get(party.order_index) if party is not None else None
        if since_us is None:
            return False
        meanwhile = self._meanwhile(since_us, move)
        return not overshoot_lots(move.before_lots - meanwhile, move.after_lots - meanwhile)

    def _meanwhile(self, since_us: int, until: Move | int) -> int:
        """What A's fills (since then) and outsiders (even just before) did to the net."""
        end_us = until if isinstance(until, int) else until.trade.at_us
        last_id = None if isinstance(until, int) else until.trade.trade_id
        total = 0
        for move in self._tape.between(since_us - OUTSIDE_NEWS_US, end_us):
            if last_id is not None and move.trade.trade_id >= last_id:
                break
            is_outside = any(deed.is_outside for deed in move.deeds)
            if is_outside or (move.maker is Deed.QUOTE and move.trade.at_us >= since_us):
                total += move.lots
        return total

    def _signed_at(self) -> dict[int, int]:
        """By order index, when the pair signed it; where the transaction is known."""
        found: dict[int, int] = {}
        for role, leg in self._legs():
            by_nonce = _executed_by_nonce(leg)
            for order in leg.orders:
                tx = self._tx_of(order, role, by_nonce)
                if tx is not None:
                    found[order.order_index] = tx.signed_us
        return found

    def _tx_of(self, order: OrderFact, role: Role, by_nonce: Mapping[int, TxFact]) -> TxFact | None:
        parts = self._tape.own_index(order.client_order_index, role)
        return None if parts is None else by_nonce.get(nonce_low(parts))

    def _hedge_orders(self) -> Iterator[Violation]:
        """An order is no larger than what is uncovered when it executes."""
        leg = self._facts.hedger
        if leg is None:
            return
        by_nonce = _executed_by_nonce(leg)
        for order in leg.orders:
            tx = self._tx_of(order, Role.HEDGER, by_nonce)
            if tx is None or not self._is_within(tx.executed_us):
                continue
            nets = [self._tape.net_after(n) for n in self._counts(order, tx.executed_us, 0)]
            nets += [net - self._meanwhile(tx.signed_us, tx.executed_us) for net in nets]
            if not any(is_within_gap(order.signed_lots, net) for net in nets):
                yield Violation(
                    formula=1,
                    sentence=f"hedge order {order.order_index} was for "
                    f"{self._base(order.signed_lots)} at a net of {self._base(nets[0])}",
                )

    def _quotes(self) -> Iterator[Violation]:
        """When a quote came to be, everything filled before was covered (law 4)."""
        leg = self._facts.maker
        if leg is None:
            return
        by_nonce = _executed_by_nonce(leg)
        for order in leg.orders:
            parts = self._tape.own_index(order.client_order_index, Role.MAKER)
            if parts is None or parts.unwinds:
                continue
            tx = by_nonce.get(nonce_low(parts))
            at_us, blur_us = (
                (order.created_us, order.blur_us) if tx is None else (tx.executed_us, 0)
            )
            if not self._is_within(at_us):
                continue
            nets = [self._tape.net_after(n) for n in self._counts(order, at_us, blur_us)]
            since_us = at_us if tx is None else tx.signed_us
            nets += [net - self._meanwhile(since_us, at_us) for net in nets]
            if all(abs(net) > self._question.carried_lots for net in nets):
                yield Violation(
                    formula=8,
                    sentence=f"order {order.order_index} was quoted while "
                    f"{self._base(nets[0])} were uncovered",
                )

    def _counts(self, order: OrderFact, at_us: int, blur_us: int) -> range:
        own_first = self._first_ids.get(order.order_index)
        return self._tape.counts_before(at_us, blur_us=blur_us, own_first_id=own_first)

    def _is_within(self, at_us: int) -> bool:
        return self._facts.from_us <= at_us <= self._facts.to_us

    def _exclusion(self) -> Iterator[Violation]:
        """Never a live hedge on B and a live unwind on A at once."""
        unwinds = self._lives(Role.MAKER, self._facts.maker, unwinds=True)
        hedges = self._lives(Role.HEDGER, self._facts.hedger, unwinds=False)
        for unwind, (begin_us, end_us) in unwinds.items():
            for hedge, (from_us, to_us) in hedges.items():
                if from_us < end_us and begin_us < to_us:
                    yield Violation(
                        formula=6,
                        sentence=f"unwind order {unwind} and hedge order {hedge} were live at once",
                    )

    def _lives(
        self, role: Role, leg: LegFacts | None, *, unwinds: bool
    ) -> dict[int, tuple[int, int]]:
        """By order index, from its signature until it was executed: an IOC ends there."""
        found: dict[int, tuple[int, int]] = {}
        by_nonce = {} if leg is None else _executed_by_nonce(leg)
        for order in leg.orders if leg is not None else ():
            parts = self._tape.own_index(order.client_order_index, role)
            tx = None if parts is None else by_nonce.get(nonce_low(parts))
            if parts is not None and parts.unwinds is unwinds and tx is not None:
                found[order.order_index] = (tx.signed_us, tx.executed_us)
        return found

    # -- the net over time -------------------------------------------------------------------

    def _cover(self, exposure: Exposure) -> Iterator[Violation]:
        question = self._question
        if (
            abs(exposure.open_lots) > question.carried_lots
            and exposure.open_us >= question.grace_us
        ):
            yield Violation(
                formula=9,
                sentence=f"the trades leave {self._base(exposure.open_lots)} uncovered, "
                f"for {exposure.open_us / 1e6:.1f} s",
            )
        most_us = question.most_unhedged_us
        if most_us is not None and exposure.longest_us > most_us:
            yield Violation(
                formula=9,
                sentence=f"something was uncovered for {exposure.longest_us / 1e6:.1f} s, "
                f"longer than {most_us / 1e6:g} s",
            )

    # -- telling -----------------------------------------------------------------------------

    def _outside(self) -> Iterator[tuple[OutsideTrade, Deed]]:
        for move in self._moves:
            for deed, leg in ((move.maker, self._facts.maker), (move.hedger, self._facts.hedger)):
                if deed is not None and deed.is_outside and leg is not None:
                    trade = move.trade
                    yield (
                        OutsideTrade(
                            trade_id=trade.trade_id,
                            at_us=trade.at_us,
                            account_index=leg.account_index,
                            signed_lots=trade.lots_for(leg.account_index),
                            kind=trade.kind,
                        ),
                        deed,
                    )

    def _summary(self, role: Role, leg: LegFacts) -> LegSummary:
        executed = [
            tx for tx in leg.txs if tx.is_executed and tx.api_key_index == leg.api_key_index
        ]
        own = [move.trade.lots_for(leg.account_index) for move in self._moves]
        return LegSummary(
            role=role.label,
            account_index=leg.account_index,
            position_lots=leg.position_lots,
            trades=sum(lots != 0 for lots in own),
            traded_lots=sum(map(abs, own)),
            orders=len(leg.orders),
            resting_orders=sum(order.is_resting for order in leg.orders),
            executed_txs=len(executed),
            fences=sum(tx.nonce % BAND == 0 for tx in executed),
            funding_quote=sum((each.change_quote for each in leg.fundings), start=Decimal(0)),
        )

    def _base(self, lots: int) -> str:
        market = self._facts.market
        return f"{market.base(lots):f} {market.symbol}"


def _executed_by_nonce(leg: LegFacts) -> dict[int, TxFact]:
    return {
        tx.nonce_low: tx
        for tx in leg.txs
        if tx.is_executed and tx.api_key_index == leg.api_key_index
    }
