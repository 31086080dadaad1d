"""The spec in whole numbers, for one market: what cannot be traded there is refused here."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

from hedgepair_runner.contract.manifest import HedgePair
from hedgepair_runner.contract.spec import MakerSide, Mode
from hedgepair_runner.hedging import HedgerPolicy
from hedgepair_runner.laddering import LadderPolicy
from hedgepair_runner.orders import Side
from hedgepair_runner.quoting import Cycling, QuotePolicy
from hedgepair_runner.refusals import StartRefused
from hedgepair_runner.risking import BreachRule, RiskPolicy
from hedgepair_runner.units import BPS, Market, NotOnGrid


def quote_policy(pair: HedgePair, market: Market) -> QuotePolicy:
    """Raises StartRefused for a quantity that the market cannot rest."""
    spec = pair.spec
    quantity = _lots("spec.quantity", spec.quantity, market)
    if quantity < market.min_base_lots:
        raise StartRefused(
            f"spec.quantity {spec.quantity} is below the {market.symbol} market's minimum of "
            f"{market.base(market.min_base_lots)}; raise it to at least that."
        )
    return QuotePolicy(
        cycle=Cycling(spec.cycle.value),
        open_side=Side.BUY if spec.maker_side is MakerSide.BUY else Side.SELL,
        quantity_lots=quantity,
        depth=spec.depth,
        timeout_s=float(spec.timeout_seconds),
        requote_ticks=spec.maker.requote_ticks,
        max_distance_bps=spec.maker.max_distance_bps,
        max_position_lots=market.lots_down(spec.risk.max_position),
        # One bound for whatever trades at once; a maker alone has only its own.
        closing_bps=(
            spec.maker.max_distance_bps if spec.hedger is None else spec.hedger.max_slippage_bps
        ),
        min_distance_bps=bps_of(spec.risk.min_margin_distance),
    )


def hedger_policy(pair: HedgePair, market: Market, *, same_master: bool) -> HedgerPolicy:
    spec = pair.spec
    if spec.hedger is None:
        raise AssertionError("a pair that hedges has a hedger, by the manifest's own rules")
    return HedgerPolicy(
        max_slippage_bps=spec.hedger.max_slippage_bps,
        accepted_net_lots=_lots("spec.risk.acceptedNet", spec.risk.accepted_net, market),
        max_net_lots=market.lots_down(spec.max_net_exposure),
        same_master=same_master,
    )


def ladder_policy(pair: HedgePair) -> LadderPolicy:
    """What a hedger does about a gap that stays open.

    A maker of ours may be there where this resource runs one, or names the pairing by which one
    meets it. Only such a maker is ever lent the right to act, so only then is its acknowledgement
    waited for (ADR 0009).
    """
    spec = pair.spec
    return LadderPolicy(
        max_unhedged_s=float(spec.risk.max_unhedged_seconds),
        on_unhedged=spec.risk.on_unhedged,
        has_partner=spec.mode is Mode.HEDGE or spec.pairing is not None,
    )


def risk_policy(pair: HedgePair, market: Market) -> RiskPolicy:
    risk = pair.spec.risk
    return RiskPolicy(
        max_position_lots=market.lots_down(risk.max_position),
        accepted_net_lots=_lots("spec.risk.acceptedNet", risk.accepted_net, market),
        min_distance_bps=bps_of(risk.min_margin_distance),
        max_daily_loss=risk.max_daily_loss,
        on_breach=BreachRule(risk.on_breach.value),
    )


def bps_of(ratio: Decimal) -> int:
    """A ratio in basis points, rounded up: a limit is kept a little sooner, never later."""
    return int((ratio * BPS).to_integral_value(ROUND_CEILING))


def needs_cover(pair: HedgePair) -> bool:
    """Whether the hedger's clauses of law 4 apply to this pair's maker.

    A MakerOnly resource that names its pairing expects the HedgerOnly one that shares it; alone,
    it trades unhedged by its owner's choice.
    """
    return pair.spec.mode is Mode.HEDGE or pair.spec.pairing is not None


def _lots(field: str, value: Decimal, market: Market) -> int:
    try:
        return market.lots(value)
    except NotOnGrid as off_grid:
        raise StartRefused(
            f"{field} {value} is not a multiple of the {market.symbol} market's step of "
            f"{market.lot_base}; round it to that."
        ) from off_grid
