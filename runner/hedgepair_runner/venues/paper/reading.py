"""What every REST read is given, and the two ways it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hedgepair_runner.venues.paper.exchange import Exchange
from hedgepair_runner.venues.paper.gateway_settings import GatewaySettings
from hedgepair_runner.venues.paper.parameters import (
    INVALID_PARAM,
    BadParameterError,
    Parameters,
)
from hedgepair_runner.venues.paper.records import NIL_MARKET, MarketRules
from hedgepair_runner.venues.paper.refusals import Code, refuse
from hedgepair_runner.venues.paper.tokens import AuthToken
from hedgepair_runner.venues.paper.views import AccountView, Refusal

Json = dict[str, Any]
Answer = Json | Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """One read: of what, when, with which parameters, and who asks."""

    exchange: Exchange
    settings: GatewaySettings
    chain_id: int
    now_us: int
    parameters: Parameters
    claim: AuthToken | None
    """Who the caller proved to be, if anybody."""

    @property
    def now_ms(self) -> int:
        return self.now_us // 1_000

    def market(self, name: str = "market_id") -> MarketRules:
        """Raises BadParameterError for no number; an unknown market reads as a bad number, too."""
        rules = self.exchange.markets.get(self.parameters.whole(name))
        if rules is None:
            raise BadParameterError(name)
        return rules

    def market_or_all(self, name: str = "market_id") -> MarketRules | None:
        """None: all markets, asked for with 255 or by saying nothing."""
        if self.parameters.optional_whole(name) in (None, NIL_MARKET):
            return None
        return self.market(name)

    def account(self, name: str = "account_index") -> AccountView | Refusal:
        view = self.exchange.account(self.parameters.whole(name))
        return view if view is not None else refuse(Code.ACCOUNT_NOT_FOUND)

    def own_account(self, name: str = "account_index") -> int | Refusal:
        """The account of a private read: the token must be its own."""
        account_index = self.parameters.whole(name)
        if self.claim is None:
            return auth_required(name)
        if self.claim.account_index != account_index:
            return foreign_token()
        return account_index


def auth_required(what: str) -> Refusal:
    return Refusal(code=INVALID_PARAM, message=f"invalid param: auth field is required: {what}")


def foreign_token() -> Refusal:
    return Refusal(code=INVALID_PARAM, message="invalid param: auth is for another account")
