"""What the gateway and the admin port ask of the engine that no client may. Nothing changes."""

from __future__ import annotations

from hedgepair_runner.venues.paper.account_views import account_view
from hedgepair_runner.venues.paper.accounts import is_account_index
from hedgepair_runner.venues.paper.engine import Engine
from hedgepair_runner.venues.paper.ledgers import Hour
from hedgepair_runner.venues.paper.limiting_requests import Owner
from hedgepair_runner.venues.paper.settings import ExchangeSettings
from hedgepair_runner.venues.paper.views import AccountView


class Doors:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def settings(self) -> ExchangeSettings:
        """As they stand, switches included."""
        return self._engine.settings

    def accounts_in_use(self) -> tuple[int, ...]:
        return tuple(
            account.account_index
            for account in self._engine.accounts
            if is_account_index(account.account_index)
        )

    def makes_market(self, account_index: int) -> bool:
        """An account of the market generator: it has no margin limit."""
        account = self._engine.accounts.known(account_index)
        return account is not None and account.is_exempt

    def hours(self, account_index: int) -> tuple[Hour, ...]:
        """What the account did, hour by hour, oldest first."""
        account = self._engine.accounts.known(account_index)
        return tuple(account.ledger) if account is not None else ()

    def maker_only_keys(self, account_index: int) -> tuple[int, ...]:
        account = self._engine.accounts.known(account_index)
        return tuple(sorted(account.maker_only_keys)) if account is not None else ()

    def unused_account(self, account_index: int) -> AccountView:
        """The account as it was before its first use."""
        fresh = self._engine.accounts.fresh(account_index, self._engine.now_us)
        return account_view(self._engine, fresh)

    def owner(self, account_index: int) -> Owner | None:
        """Whose limits an account draws on; None: there is no such account."""
        if not is_account_index(account_index):
            return None
        accounts = self._engine.accounts
        account = accounts.known(account_index) or accounts.fresh(
            account_index, self._engine.now_us
        )
        address = accounts.l1_address(account_index)
        return Owner(l1_address=address, tier_name=account.tier_name)
