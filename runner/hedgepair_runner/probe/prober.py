"""Goes through the steps of a probe, one at a time, and tidies up whatever comes between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from hedgepair_runner.contract.identity import Role
from hedgepair_runner.orders import AccountTrade
from hedgepair_runner.probe import steps, together
from hedgepair_runner.probe.bench import Bench, ProbeStopped
from hedgepair_runner.probe.tidying import cost_quote, tidy
from hedgepair_runner.probing import (
    NOT_REACHED,
    Check,
    Finding,
    SelfTradeSeen,
    Status,
    judge_before,
    judge_cancel_all,
    judge_client_index,
    judge_dust,
    judge_failure,
    judge_fencing,
    judge_lag,
    judge_nonces,
    judge_self_trade,
    judge_switch,
    judge_tape,
)

Tell = Callable[[str], None]
Step = Callable[[Bench], Awaitable[Sequence[Finding]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Of one account. `left` is empty when everything is as it was."""

    findings: tuple[Finding, ...]
    cost_quote: Decimal
    left: str


class Prober:
    """Probes the accounts of `benches` one after the other; `tell` is given progress lines."""

    def __init__(
        self, benches: Mapping[Role, Bench], *, accounts: Mapping[Role, int], tell: Tell
    ) -> None:
        """`accounts` are both of the pair's, probed or not."""
        self._benches = benches
        self._accounts = accounts
        self._tell = tell

    async def run(self) -> dict[Role, Result]:
        """Raises ProbeStopped before anything is sent where it may not begin."""
        async with asyncio.TaskGroup() as tasks:
            listening = [
                task
                for bench in self._benches.values()
                for task in (
                    tasks.create_task(bench.venue.run(), name=f"venue {bench.role.label}"),
                    tasks.create_task(bench.listen(), name=f"listen {bench.role.label}"),
                )
            ]
            try:
                return await self._probe()
            finally:
                for task in listening:
                    task.cancel()

    async def _probe(self) -> dict[Role, Result]:
        starts: dict[Role, int] = {}
        for role, bench in self._benches.items():
            bench.tell = self._tell
            await bench.ready()
            starts[role] = await _refuse_busy(bench)
        found: dict[Role, list[Finding]] = {role: [] for role in self._benches}
        try:
            for role, bench in self._benches.items():
                self._tell(f"account {bench.account_index} ({role.label}), {bench.market.symbol}")
                await self._alone(bench, found[role])
            self_trade = await self._together()
            for findings in found.values():
                findings.append(self_trade)
        except ProbeStopped as stopped:
            self._tell(f"stopped: {stopped}")
        return {
            role: await self._conclude(role, found[role], starts[role]) for role in self._benches
        }

    async def _alone(self, bench: Bench, findings: list[Finding]) -> None:
        for number, (name, step) in enumerate(STEPS, start=1):
            began_s = bench.clock.boot_s()
            before = frozenset(bench.made)
            self._tell(f"  {number}/{len(STEPS)} {name}")
            for finding in await step(bench):
                findings.append(finding)
                self._tell(f"      {_mark(finding)} {finding.check.value}: {finding.saw}")
            made = tuple(trade for trade_id, trade in bench.made.items() if trade_id not in before)
            cost = _cost_words(bench, made)
            self._tell(f"      {bench.clock.boot_s() - began_s:.1f} s, {cost}")

    async def _together(self) -> Finding:
        bench = next(iter(self._benches.values()))
        others = [role for role in self._accounts if role is not bench.role]
        other = self._accounts[others[0]] if others else None
        same = await together.share_a_master(bench, other)
        seen = SelfTradeSeen(same_master=same, both_here=len(self._benches) > 1)
        if same and seen.both_here:
            self._tell("both accounts")
            self._tell("  1/1 an order of one crosses an order of the other")
            seen = await together.try_self_trade(
                self._benches[Role.MAKER], self._benches[Role.HEDGER]
            )
        finding = judge_self_trade(seen)
        self._tell(f"      {_mark(finding)} {finding.check.value}: {finding.saw}")
        return finding

    async def _conclude(self, role: Role, findings: list[Finding], start_lots: int) -> Result:
        bench = self._benches[role]
        self._tell(f"tidying up account {bench.account_index}")
        left = await tidy(bench, start_lots=start_lots)
        self._tell(
            f"      {'✗ ' + left if left else '✓ no order rests, the position is as before'}"
        )
        seen = {finding.check for finding in findings}
        missing = [
            Finding(check=check, status=Status.UNKNOWN, saw=NOT_REACHED)
            for check in Check
            if check not in seen
        ]
        return Result(
            findings=(*findings, *missing),
            cost_quote=cost_quote(bench, tuple(bench.made.values())),
            left=left,
        )


async def _refuse_busy(bench: Bench) -> int:
    """Own position in the market, in lots, where nothing rests. Raises ProbeStopped."""
    for market in (bench.market, bench.other):
        if market is not None and await bench.resting(market):
            raise ProbeStopped(
                f"account {bench.account_index} has resting {market.symbol} orders, which a probe "
                "would cancel. Suspend the pair that trades there, or cancel them yourself, then "
                "probe again."
            )
    return await bench.position_lots()


async def _fencing(bench: Bench) -> Sequence[Finding]:
    return [judge_fencing(await steps.try_fencing(bench))]


async def _nonces(bench: Bench) -> Sequence[Finding]:
    return [judge_nonces(await steps.try_nonces(bench))]


async def _failure(bench: Bench) -> Sequence[Finding]:
    return [judge_failure(await steps.try_failure(bench))]


async def _cancel_all(bench: Bench) -> Sequence[Finding]:
    cancel_all, index = await steps.try_cancel_all(bench)
    return [judge_cancel_all(cancel_all), judge_client_index(index)]


async def _switch(bench: Bench) -> Sequence[Finding]:
    return [judge_switch(await steps.try_switch(bench))]


async def _trades(bench: Bench) -> Sequence[Finding]:
    dust, before = await steps.try_trades(bench)
    return [judge_dust(dust), judge_before(before), judge_tape(before)]


async def _lag(bench: Bench) -> Sequence[Finding]:
    await steps.measure_lag(bench)
    return [judge_lag(bench.stale_s)]


STEPS: tuple[tuple[str, Step], ...] = (
    ("a fence, and a lower nonce after it", _fencing),
    ("a refusal, its replacement at the same nonce, a second copy", _nonces),
    ("a failure in the engine", _failure),
    ("cancel-all of one market, client order indexes", _cancel_all),
    ("the dead man's switch", _switch),
    ("one lot there and back by IOC", _trades),
    ("how far reads lag behind", _lag),
)


def _cost_words(bench: Bench, made: tuple[AccountTrade, ...]) -> str:
    """A cost is one only once what was traded is traded back."""
    if not made:
        return "no cost"
    open_lots = sum(trade.signed_lots for trade in made)
    if open_lots:
        held = f"{bench.market.base(open_lots):+f} {bench.market.symbol}"
        return f"an order was filled: {held}, traded back at the end"
    return f"cost {cost_quote(bench, made):.6f} USDC"


def _mark(finding: Finding) -> str:
    if finding.status in (Status.HOLDS, Status.NOT_NEEDED):
        return "✓"
    return "✗" if finding.blocks else "!"
