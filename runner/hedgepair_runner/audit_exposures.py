"""How far and how long a pair's net was away from zero."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hedgepair_runner.audit_facts import AuditFacts
from hedgepair_runner.audit_tapes import Move
from hedgepair_runner.audit_verdicts import Exposure


def exposure_of(
    facts: AuditFacts,
    *,
    opening_lots: int,
    moves: Sequence[Move],
    carried_lots: int,
    worst_overshoot_lots: int,
) -> Exposure:
    episodes = list(_episodes(opening_lots, moves, facts, carried_lots))
    nets = [abs(move.after_lots) for move in moves]
    open_lots = moves[-1].after_lots if moves else opening_lots
    is_open = abs(open_lots) > carried_lots
    return Exposure(
        worst_lots=max([abs(opening_lots), *nets]),
        worst_lot_us=max((lot_us for _, lot_us in episodes), default=0),
        longest_us=max((lasted_us for lasted_us, _ in episodes), default=0),
        worst_overshoot_lots=worst_overshoot_lots,
        open_lots=open_lots,
        open_us=episodes[-1][0] if is_open else 0,
    )


def overshoot_lots(before_lots: int, after_lots: int) -> int:
    """By how much a trade left the net farther off, or past, zero; 0 for one that did neither."""
    if before_lots * after_lots < 0:
        return abs(after_lots)
    return max(0, abs(after_lots) - abs(before_lots))


def is_within_gap(order_lots: int, net_lots: int) -> bool:
    """Against the net, and past zero by a lot at most (formula 1)."""
    uncovered = -net_lots if order_lots > 0 else net_lots
    return abs(order_lots) <= max(0, uncovered) + 1


def _episodes(
    opening_lots: int, moves: Sequence[Move], facts: AuditFacts, carried_lots: int
) -> Iterator[tuple[int, int]]:
    """Each time the net was open: for how long, and its lots times microseconds."""
    net, since_us, begun_us, lot_us = opening_lots, facts.from_us, facts.from_us, 0
    for move in moves:
        at_us = max(move.trade.at_us, since_us)
        if abs(net) > carried_lots:
            lot_us += abs(net) * (at_us - since_us)
            if abs(move.after_lots) <= carried_lots:
                yield at_us - begun_us, lot_us
        if abs(net) <= carried_lots:
            begun_us, lot_us = at_us, 0
        net, since_us = move.after_lots, at_us
    if abs(net) > carried_lots:
        end_us = max(facts.to_us, since_us)
        yield end_us - begun_us, lot_us + abs(net) * (end_us - since_us)
