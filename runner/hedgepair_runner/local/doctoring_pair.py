"""What `hedgepair doctor` makes of accounts, positions, runners and halts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from hedgepair_runner.contract.halts import Halt
from hedgepair_runner.contract.identity import NONCE_BITS, PairId, Role, read_client_order_index
from hedgepair_runner.contract.status import RunnerReport, RunnerState
from hedgepair_runner.local.diagnoses import Diagnosis, bad, good, skipped, unknown
from hedgepair_runner.orders import OwnOrder
from hedgepair_runner.units import Market

LEAST_REQUESTS: Final = 15
LEAST_QUOTA: Final = 100
STALE_REPORT_MS: Final = 3_000
_AT_WORK = (
    RunnerState.RUNNING,
    RunnerState.SUSPENDED,
    RunnerState.FLAT,
    RunnerState.RELEASED,
    RunnerState.COMPLETED,
)
_STARTING = (
    RunnerState.STARTING,
    RunnerState.WAITING_FOR_LEASE,
    RunnerState.FENCING,
    RunnerState.READING,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSeen:
    """One leg's account. `key_error`: no usable key here; `error`: a read that got no answer."""

    role: Role
    account_index: int
    key_error: str = ""
    error: str = ""
    is_key_refused: bool = False
    next_nonce: int | None = None
    tier: str | None = None
    orders: tuple[OwnOrder, ...] | None = None
    position_lots: int | None = None


def judge_account(
    seen: AccountSeen, *, pair: PairId, report: RunnerReport | None
) -> list[Diagnosis]:
    area = f"account {seen.account_index}"
    if seen.key_error:
        return [
            skipped(area, "key", f"not here ({seen.key_error}); give --secrets DIR to check it")
        ]
    if seen.is_key_refused:
        return [
            bad(
                area,
                "key",
                f"refused: {seen.error}",
                "Register this key for this index at the exchange, or put the right one into the "
                "Secret.",
            )
        ]
    if seen.orders is None:
        said = seen.error or "no answer"
        return [unknown(area, "key", f"could not be tried ({said})", "Run doctor again.")]
    found = [good(area, "key", "valid"), _nonce(area, seen.next_nonce)]
    if seen.tier is None:
        found.append(unknown(area, "tier", "no answer", "Run doctor again."))
    else:
        found.append(good(area, "tier", seen.tier))
    return [*found, _headroom(area, report), _orders(area, seen, pair=pair, report=report)]


def _nonce(area: str, next_nonce: int | None) -> Diagnosis:
    if next_nonce is None:
        return unknown(area, "nonce", "no answer", "Run doctor again.")
    return good(area, "nonce", f"{next_nonce} is next (epoch {next_nonce >> NONCE_BITS})")


def _headroom(area: str, report: RunnerReport | None) -> Diagnosis:
    if report is None or report.headroom_requests is None:
        return skipped(area, "headroom", "no runner tells it")
    requests, quota = report.headroom_requests, report.headroom_quota
    words = "unlimited" if requests >= 1_000_000 else f"{requests} requests left this minute"
    if quota is not None:
        words += f", volume quota {quota}"
    if requests < LEAST_REQUESTS or (quota is not None and quota < LEAST_QUOTA):
        return bad(
            area,
            "headroom",
            words,
            "Quotes wait so that hedges need not. Raise timeoutSeconds, quote larger, or change "
            "the tier; do not share the L1 address.",
        )
    return good(area, "headroom", words)


def _orders(
    area: str, seen: AccountSeen, *, pair: PairId, report: RunnerReport | None
) -> Diagnosis:
    foreign = 0
    own = 0
    other_pairs = 0
    for order in seen.orders or ():
        index = read_client_order_index(order.client_order_index)
        if index is None:
            foreign += 1
        elif index.pair_hash == pair.hash12:
            own += 1
        else:
            other_pairs += 1
    words = f"{own} of this pair" if own else "none of this pair"
    if foreign:
        return bad(
            area,
            "orders",
            f"{words}, {foreign} that no HedgePair placed",
            "Cancel them yourself, use another account, or set spec.exchange.adoptOrders: true "
            "(then the start cancels them).",
        )
    if other_pairs:
        return bad(
            area,
            "orders",
            f"{words}, {other_pairs} of another pair in the same market",
            "Two pairs may share an account only in different markets: give one of them its own.",
        )
    if own and report is None:
        return bad(
            area,
            "orders",
            f"{words}, and no {seen.role.label} reports",
            "Take them away with `hedgepair cancel -f …`, or start the pair: its start does.",
        )
    return good(area, "orders", words)


def judge_positions(
    seen: Mapping[Role, AccountSeen],
    *,
    market: Market | None,
    accepted_net_base: Decimal,
    carried_lots: int,
    hedges: bool,
) -> Diagnosis:
    """By the exchange's own account: both legs add up to what is accepted, within a lot."""
    if not hedges:
        return skipped("positions", "matched", "this resource runs one leg only")
    lots = [account.position_lots for account in seen.values()]
    known = [each for each in lots if each is not None]
    if market is None or len(known) != 2:
        return unknown(
            "positions", "matched", "a position got no answer", "Run doctor again, do not guess."
        )
    net = sum(known)
    over = net - market.lots_down(accepted_net_base)
    legs = ", ".join(
        f"{role.label} {market.base(account.position_lots or 0):+f}"
        for role, account in seen.items()
    )
    if abs(over) <= max(1, abs(carried_lots)):
        return good("positions", "matched", f"{legs}")
    return bad(
        "positions",
        "matched",
        f"{legs}: {market.base(over):+f} {market.symbol} is unhedged",
        "A running pair hedges it within seconds: look at its halts with `hedgepair status`. With "
        "no runner up, start the pair, or close both legs with `hedgepair flatten -f …`.",
    )


def judge_runner(
    role: Role, report: RunnerReport | None, *, now_ms: int, is_redis_up: bool
) -> list[Diagnosis]:
    area = role.label
    if not is_redis_up:
        return [unknown(area, "report", "Redis is not there to say", "See redis above.")]
    if report is None:
        return [
            bad(
                area,
                "report",
                "none in the last three seconds",
                f"Start it with `hedgepair {role.label} -f …` or `hedgepair run -f …`, or look at "
                "its log: it may be down, or without Redis.",
            )
        ]
    age_ms = max(0, now_ms - report.reported_ms)
    words = f"{report.state.value}{': ' + report.reason if report.reason else ''}"
    if age_ms > STALE_REPORT_MS:
        return [bad(area, "report", f"{age_ms / 1e3:.1f} s old", "Is its machine overloaded?")]
    down = [name for name, age_s in report.source_ages_s.items() if age_s is None]
    found = [_state(area, report, words)]
    if down:
        found.append(
            bad(
                area,
                "streams",
                f"{', '.join(sorted(down))} down",
                "It reconnects by itself and holds meanwhile. Look at the network if it stays.",
            )
        )
    if report.fencing_degraded:
        found.append(
            bad(
                area,
                "fencing",
                "degraded: the exchange skips no nonces",
                "A takeover waits ten minutes. See exchange.requireFencing.",
            )
        )
    return found


def _state(area: str, report: RunnerReport, words: str) -> Diagnosis:
    if report.state in _AT_WORK:
        return good(area, "report", words)
    if report.state is RunnerState.HALTED:
        return bad(area, "report", words, "Deal with it, then `hedgepair acknowledge -f … ID`.")
    if report.state in _STARTING:
        return unknown(area, "report", words, "It is starting: run doctor again in ten seconds.")
    if report.state in (RunnerState.STOPPED, RunnerState.STOPPING):
        return bad(area, "report", words, f"It was stopped. Start `hedgepair {area} -f …` again.")
    remedy = "It goes on by itself once that is over; nothing is quoted meanwhile."
    return bad(area, "report", words, remedy)


def judge_halts(halts: Sequence[Halt], *, file: str, is_redis_up: bool) -> list[Diagnosis]:
    if not is_redis_up:
        return [unknown("halts", "standing", "Redis is not there to say", "See redis above.")]
    if not halts:
        return [good("halts", "standing", "none")]
    return [
        bad(
            "halts",
            halt.id,
            f"{halt.reason.value}, {halt.role}: {halt.message}",
            f"Once you have dealt with it: hedgepair acknowledge -f {file} {halt.id}",
        )
        for halt in halts
    ]
