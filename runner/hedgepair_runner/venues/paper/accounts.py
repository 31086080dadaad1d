"""Accounts of the exchange: made at first use, owned by an L1 address, with a tier and a purse."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from hedgepair_runner.venues.paper.ledgers import Ledger
from hedgepair_runner.venues.paper.quotas import VolumeQuota
from hedgepair_runner.venues.paper.records import PICO_PER_MICRO, Position
from hedgepair_runner.venues.paper.settings import ExchangeSettings, Tier

FIRST_ACCOUNT = 1
LAST_ACCOUNT = (1 << 48) - 2
"""Sub-accounts count down from here (protocol §1.2)."""
INSURANCE_FUND = (1 << 48) - 1
"""The fund's index, as market records name it; nobody signs for it (protocol §3.2)."""
FIRST_KEY = 2
LAST_KEY = 254


def is_account_index(account_index: int) -> bool:
    return FIRST_ACCOUNT <= account_index <= LAST_ACCOUNT


def is_key_index(api_key_index: int) -> bool:
    return FIRST_KEY <= api_key_index <= LAST_KEY


@dataclass(slots=True, kw_only=True)
class Account:
    """What the engine knows of one account. Only the engine changes it."""

    account_index: int
    owner_index: int
    """The lowest account index under the same L1 address: equal owners are one master account."""
    tier_name: str
    tier: Tier
    quota: VolumeQuota
    collateral_pico: int
    positions: dict[int, Position] = field(default_factory=dict)
    cancel_all_time_ms: int = 0
    is_exempt: bool = False
    """No margin limit and no liquidation: an account of the market generator."""
    maker_only_keys: frozenset[int] = frozenset()
    """Keys that may only rest and cancel (protocol §7.10)."""
    maker_only_changed_us: int | None = None
    ledger: Ledger = field(default_factory=Ledger)
    total_trades_count: int = 0
    total_volume_micro: int = 0
    created_us: int = 0
    changed_us: int = 0

    def position(self, market_id: int) -> Position:
        return self.positions.get(market_id) or Position(market_id=market_id)

    def size_lots(self, market_id: int) -> int:
        position = self.positions.get(market_id)
        return position.size_lots if position is not None else 0

    def count_trade(self, quote_micro: int, gain_pico: int, *, now_us: int) -> None:
        """Totals, the hour's figures and the quota. `gain_pico`: realised profit − fee."""
        self.total_trades_count += 1
        self.total_volume_micro += quote_micro
        self.ledger.note_trade(quote_micro, gain_pico, now_us=now_us)
        self.quota.earn(quote_micro)

    def switch_is_due(self, now_us: int) -> bool:
        """The dead man's switch should have cancelled everything by now (protocol §7.9)."""
        return 0 < self.cancel_all_time_ms * 1_000 <= now_us


class Accounts:
    """All accounts, and the fees taken from them."""

    def __init__(self, settings: ExchangeSettings, address_of: Callable[[int], str]) -> None:
        self._settings = settings
        self._address_of = address_of
        self._addresses: dict[int, str] = {}
        self._owner = {account: min(group) for group in settings.same_l1 for account in group}
        self._group = {min(group): tuple(sorted(group)) for group in settings.same_l1}
        self._accounts: dict[int, Account] = {}
        self._quotas: dict[int, VolumeQuota] = {}
        self._tiers: dict[int, str] = {}
        self._tier_changed_us: dict[int, int] = {}
        self.fees_pico = 0
        """All fees ever taken; what left the accounts and is still inside the exchange."""

    def __iter__(self) -> Iterator[Account]:
        return iter(self._accounts.values())

    def known(self, account_index: int) -> Account | None:
        return self._accounts.get(account_index)

    def use(self, account_index: int, now_us: int) -> Account:
        """The account, made with the default collateral if this is its first use."""
        account = self._accounts.get(account_index)
        if account is None:
            account = self._accounts[account_index] = self.fresh(account_index, now_us)
            self._quotas[account.owner_index] = account.quota
        return account

    def open(
        self, account_index: int, *, tier: str | None, siblings: Sequence[int], now_us: int
    ) -> Account:
        """A new account under the address of its siblings. Raises ValueError with a sentence."""
        if not is_account_index(account_index):
            raise ValueError(f"{account_index} is no account index")
        if account_index in self._accounts:
            raise ValueError(f"account {account_index} is in use already")
        if tier is not None and tier not in self._settings.tiers:
            raise ValueError(
                f"there is no tier {tier!r}; there are {', '.join(self._settings.tiers)}"
            )
        if not all(is_account_index(sibling) for sibling in siblings):
            raise ValueError("a sibling is an account index")
        if siblings:
            self._join(account_index, siblings)
        account = self.use(account_index, now_us)
        if tier is not None:
            self.set_tier(account, tier)
        return account

    def _join(self, account_index: int, siblings: Sequence[int]) -> None:
        """Puts accounts that were never used under the address of the one that was, if any."""
        settled = {
            self._owner.get(sibling, sibling)
            for sibling in siblings
            if sibling in self._owner or sibling in self._accounts
        }
        if len(settled) > 1:
            raise ValueError("the siblings are under different L1 addresses themselves")
        owner = settled.pop() if settled else min(account_index, *siblings)
        group = {*self._group.get(owner, ()), owner, account_index, *siblings}
        self._owner.update(dict.fromkeys(group, owner))
        self._group[owner] = tuple(sorted(group))

    def fresh(self, account_index: int, now_us: int) -> Account:
        """The account as its first use would find it."""
        if not is_account_index(account_index) and account_index != INSURANCE_FUND:
            raise AssertionError("account indexes are checked at the door")
        owner = self._owner.get(account_index, account_index)
        tier_name = self._tiers.get(owner) or self._settings.tier_of_account.get(
            account_index, self._settings.default_tier
        )
        is_fund = account_index == INSURANCE_FUND
        collateral_micro = (
            self._settings.insurance_fund_micro
            if is_fund
            else self._settings.default_collateral_micro
        )
        return Account(
            account_index=account_index,
            owner_index=owner,
            tier_name=tier_name,
            tier=self._settings.tiers[tier_name],
            quota=self._quotas.get(owner) or VolumeQuota(),
            collateral_pico=collateral_micro * PICO_PER_MICRO,
            created_us=now_us,
            changed_us=now_us,
        )

    def l1_address(self, account_index: int) -> str:
        return self._address(self._owner.get(account_index, account_index))

    def of_address(self, l1_address: str) -> Iterable[int]:
        """Account indexes of an L1 address: those in use and their declared siblings."""
        wanted = l1_address.lower()
        owners = {account.owner_index for account in self._accounts.values()} | set(self._group)
        found: set[int] = set()
        for owner in owners:
            if self._address(owner).lower() == wanted:
                found.update(self._group.get(owner, (owner,)))
        return sorted(found)

    def _address(self, owner_index: int) -> str:
        address = self._addresses.get(owner_index)
        if address is None:
            address = self._addresses[owner_index] = self._address_of(owner_index)
        return address

    def insurance_fund(self, now_us: int) -> Account:
        return self.use(INSURANCE_FUND, now_us)

    def of_owner(self, owner_index: int) -> list[Account]:
        """Accounts in use under one L1 address."""
        return [each for each in self._accounts.values() if each.owner_index == owner_index]

    def set_tier(self, account: Account, tier_name: str) -> None:
        account.tier_name = tier_name
        account.tier = self._settings.tiers[tier_name]

    def change_tier(self, owner_index: int, tier_name: str, now_us: int) -> None:
        """Of all accounts under the address, those to come included (protocol §7.12)."""
        self._tiers[owner_index] = tier_name
        self._tier_changed_us[owner_index] = now_us
        for account in self.of_owner(owner_index):
            self.set_tier(account, tier_name)

    def tier_changed_us(self, owner_index: int) -> int | None:
        return self._tier_changed_us.get(owner_index)
