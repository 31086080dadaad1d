"""What two reports say of a pair, put into facts and words: for `status` and `top`.

Nothing is added up from unknowns: a net needs both positions, an age needs a report (law 3).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from hedgepair_runner.contract.halts import Halt
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.status import RestingOrder, RunnerReport, RunnerState

UNKNOWN: Final = "unknown"
AT_WORK: Final = (RunnerState.RUNNING, RunnerState.SUSPENDED, RunnerState.FLAT)
AT_REST: Final = (RunnerState.COMPLETED, RunnerState.RELEASED)
STALE_S: Final = 3.0
"""A report older than that has expired in Redis; one read on the way there is stale, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairFacts:
    """Of the manifest: what is looked at. `file` is how the commands below are told to find it."""

    pair: str
    mode: str
    market: str
    network: str
    file: str
    roles: tuple[Role, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """One look. A role without a report is one whose runner has not reported for three seconds."""

    facts: PairFacts
    reports: Mapping[Role, RunnerReport | None]
    halts: tuple[Halt, ...]
    read_ms: int
    unknown_since_ms: Mapping[Role, int]
    """Since when a role's report has been missing, as far as this viewer saw it."""

    def report(self, role: Role) -> RunnerReport | None:
        return self.reports.get(role)

    def age_s(self, role: Role) -> float | None:
        report = self.report(role)
        return None if report is None else max(0, self.read_ms - report.reported_ms) / 1_000

    @property
    def net_lots(self) -> int | None:
        """Sum of both positions; None while either is unknown."""
        lots = [
            None if (report := self.report(role)) is None else report.position_lots
            for role in self.facts.roles
        ]
        known = [each for each in lots if each is not None]
        return sum(known) if len(known) == len(lots) else None

    @property
    def is_hedged(self) -> bool | None:
        """By the hedger's own count: its gap is zero, and nothing is on its way."""
        hedger = self.report(Role.HEDGER)
        if hedger is None or hedger.gap_lots is None:
            return None
        return hedger.gap_lots == 0 and hedger.in_flight == 0

    @property
    def is_missing(self) -> bool:
        return any(self.report(role) is None for role in self.facts.roles)


def base(report: RunnerReport | None, lots: int | None) -> str:
    """An amount with its sign; `unknown` is never a number."""
    if report is None or lots is None:
        return UNKNOWN
    amount = Decimal(lots).scaleb(-report.size_decimals)
    return f"{amount:+f}" if lots else f"{amount:f}"


def age(seconds: float | None) -> str:
    if seconds is None:
        return UNKNOWN
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def resting(order: RestingOrder, report: RunnerReport, read_ms: int) -> str:
    size = Decimal(order.remaining_lots).scaleb(-report.size_decimals)
    price = Decimal(order.price_ticks).scaleb(-report.price_decimals)
    since = age(max(0, read_ms - order.placed_ms) / 1_000)
    return f"{'sell' if order.is_ask else 'buy'} {size} at {price}, for {since}"


def hedged_words(overview: Overview) -> str:
    hedger = overview.report(Role.HEDGER)
    if Role.HEDGER not in overview.facts.roles:
        return "this resource does not hedge"
    match overview.is_hedged:
        case None:
            return UNKNOWN
        case True:
            return "yes"
        case False:
            gap = base(hedger, None if hedger is None else hedger.gap_lots)
            open_s = None if hedger is None else hedger.unhedged_s
            return f"no: {gap} open for {age(open_s)}"


def state_words(overview: Overview, role: Role) -> str:
    report = overview.report(role)
    if report is not None:
        return report.state.value
    since_ms = overview.unknown_since_ms.get(role)
    waited_s = None if since_ms is None else (overview.read_ms - since_ms) / 1_000
    return "no report" if not waited_s else f"no report for {age(waited_s)}"


def wish_words(report: RunnerReport | None) -> str:
    if report is None:
        return UNKNOWN
    version = f"{report.generation}.{report.step}"
    return f"{report.wish or 'by its manifest'} ({version})" if version != "0.0" else report.wish


Rows = list[tuple[str, str, str]]
"""Label, maker, hedger."""


def leg_rows(overview: Overview) -> Rows:
    """What each leg says, side by side; rows that nobody has anything to say in are left out."""
    rows: Rows = []

    def row(label: str, say: Any, *, needed: bool = False) -> None:
        words = []
        for role in (Role.MAKER, Role.HEDGER):
            report = overview.report(role)
            is_run = role in overview.facts.roles
            words.append("" if not is_run or report is None else str(say(report)))
        if needed or any(words):
            rows.append((label, words[0], words[1]))

    states = {
        role: state_words(overview, role) if role in overview.facts.roles else "–"
        for role in (Role.MAKER, Role.HEDGER)
    }
    rows.append(("state", states[Role.MAKER], states[Role.HEDGER]))
    row("because", lambda report: report.reason)
    row("wish", wish_words)
    row("position", lambda report: base(report, report.position_lots), needed=True)
    row("entry price", lambda report: report.entry_price or "")
    row("open orders", lambda report: "" if report.open_orders is None else report.open_orders)
    row("margin distance", lambda report: report.margin_distance or "")
    row("epoch", lambda report: report.epoch or "")
    row("headroom", _headroom)
    for source in ("account", "market"):
        row(
            f"{source} stream",
            lambda report, source=source: (
                "" if source not in report.source_ages_s else age(report.source_ages_s[source])
            ),
        )
    row("last fill", lambda report: _ago(report.last_fill_ms, overview.read_ms))
    row("reported", lambda report: f"{age((overview.read_ms - report.reported_ms) / 1e3)} ago")
    row("config", lambda report: report.config_hash)
    row("version", lambda report: report.version)
    row("pod", lambda report: report.pod or report.holder)
    return rows


def pair_rows(overview: Overview) -> list[tuple[str, str]]:
    """What concerns the pair as a whole."""
    maker, hedger = overview.report(Role.MAKER), overview.report(Role.HEDGER)
    some = maker or hedger
    rows = [("net", base(some, overview.net_lots)), ("hedged", hedged_words(overview))]
    if maker is not None:
        orders = [resting(order, maker, overview.read_ms) for order in maker.resting]
        rows.append(("resting", "; ".join(orders) or "none"))
        rows.append(("fills, rounds", f"{maker.fills}, {maker.rounds}"))
    if hedger is not None:
        rows.append(("hedges", str(hedger.hedges)))
        if hedger.carried_lots:
            rows.append(("carried", base(hedger, hedger.carried_lots)))
    for label, name in (("realised", "realized_pnl"), ("today", "daily_pnl")):
        values = [getattr(each, name) for each in (hedger, maker) if each is not None]
        told = next((value for value in values if value is not None), None)
        if told is not None:
            rows.append((label, f"{told} USDC"))
    if any(each is not None and each.fencing_degraded for each in (maker, hedger)):
        rows.append(("fencing", "degraded: the exchange skips no nonces"))
    return rows


def halt_lines(overview: Overview) -> list[str]:
    """Each halt, and the command that ends it."""
    lines = []
    for halt in overview.halts:
        since = _ago(halt.since_ms, overview.read_ms)
        lines.append(f"HALT {halt.id}  {halt.reason.value}, {halt.role}, {since}: {halt.message}")
        lines.append(
            f"  once you have dealt with it: hedgepair acknowledge -f {overview.facts.file} "
            f"{halt.id}"
        )
    return lines


def as_json(overview: Overview, reports: Mapping[str, Any]) -> dict[str, Any]:
    """`reports` by role label, in full; beside them what they mean together."""
    some = next((report for report in overview.reports.values() if report is not None), None)
    net = base(some, overview.net_lots)
    return {
        "pair": overview.facts.pair,
        "read_ms": overview.read_ms,
        "net": None if net == UNKNOWN else net.removeprefix("+"),
        "hedged": overview.is_hedged,
        "halts": [
            {
                "id": halt.id,
                "reason": halt.reason.value,
                "role": halt.role,
                "since_ms": halt.since_ms,
                "message": halt.message,
            }
            for halt in overview.halts
        ],
        "ages_s": {role.label: overview.age_s(role) for role in overview.facts.roles},
        **reports,
    }


def plain_lines(overview: Overview, *, width: int) -> list[str]:
    """For a terminal or a file, within `width` columns where words allow."""
    facts = overview.facts
    lines = [f"{facts.pair} · {facts.mode} · {facts.market} · {facts.network}"]
    lines += [f"  {label:<16} {words}" for label, words in pair_rows(overview)]
    lines.append("")
    rows = [("", "maker", "hedger"), *leg_rows(overview)]
    column = max(10, min(max(len(row[1]) for row in rows), (width - 22) // 2))
    for label, *words in rows:
        lines += _columns(label, words, column)
    halts = halt_lines(overview)
    return [*lines, "", *halts] if halts else lines


def _columns(label: str, words: Sequence[str], column: int) -> list[str]:
    """Two columns; what is too long for its column goes on below."""
    parts = [_cut(each, column) for each in words]
    height = max(1, *(len(each) for each in parts))
    lines = []
    for line in range(height):
        cells = [each[line] if line < len(each) else "" for each in parts]
        lines.append(
            f"  {label if line == 0 else '':<16} {cells[0]:<{column}}  {cells[1]}".rstrip()
        )
    return lines


def _cut(words: str, column: int) -> list[str]:
    lines, line = [], ""
    for word in words.split(" "):
        longer = f"{line} {word}".strip()
        if len(longer) > column and line:
            lines.append(line)
            longer = word
        line = longer
    return [*lines, line] if line else lines


def _headroom(report: RunnerReport) -> str:
    parts = []
    if report.headroom_requests is not None:
        many = report.headroom_requests >= 1_000_000
        parts.append("unlimited" if many else f"{report.headroom_requests} requests")
    if report.headroom_quota is not None:
        parts.append(f"quota {report.headroom_quota}")
    return ", ".join(parts)


def _ago(at_ms: int | None, now_ms: int) -> str:
    return "" if at_ms is None else f"{age(max(0, now_ms - at_ms) / 1_000)} ago"
