"""Auth tokens of the pair's accounts, for reading their records (protocol §5.6)."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from hedgepair_runner.contract.credentials import KeyUnavailable, resolve_key
from hedgepair_runner.contract.settings import RunnerSettings
from hedgepair_runner.contract.spec import Account, HedgePairSpec
from hedgepair_runner.local.records import TokenMaker
from hedgepair_runner.logs import secrets
from hedgepair_runner.refusals import StartRefused
from hedgepair_runner.venues.lighter.signer import NativeSigner
from hedgepair_runner.venues.paper.keys import private_key
from hedgepair_runner.venues.paper.tokens import make_token

_LIFE_S: Final = 4 * 60 * 60
"""Half of what the venue allows, renewed when half of it is gone."""

MakeToken = Callable[[Account, int], str]
"""A token of an account that expires at a Unix second."""


def tokens_of(settings: RunnerSettings) -> TokenMaker:
    """Tokens of the pair's accounts, wherever it trades. Asking raises StartRefused without a key.

    Paper accounts' keys follow from the exchange's seed (design §7).
    """
    seed = settings.endpoints.paper_seed
    if seed is not None:
        return paper_tokens(seed, settings.manifest.spec)
    return _kept(settings.manifest.spec, lambda account, end: _signed(settings, account, end))


def paper_tokens(seed: str, spec: HedgePairSpec) -> TokenMaker:
    def make(account: Account, expiry_s: int) -> str:
        account_index, api_key_index = account.account_index, account.api_key_index
        return make_token(
            expiry_s=expiry_s,
            account_index=account_index,
            api_key_index=api_key_index,
            private_key=private_key(seed, account_index, api_key_index),
        )

    return _kept(spec, make)


def _signed(settings: RunnerSettings, account: Account, expiry_s: int) -> str:
    if account.secret_ref is None:
        raise AssertionError("the manifest's rules demand a secretRef where it signs")
    try:
        found = resolve_key(
            account.secret_ref, secrets_dir=settings.secrets_dir, environ=settings.environ
        )
    except KeyUnavailable as missing:
        raise StartRefused(str(missing)) from missing
    secrets.register(found.key.reveal())
    signer = NativeSigner(
        account_index=account.account_index,
        api_key_index=account.api_key_index,
        private_key=found.key.reveal(),
        chain_id=settings.endpoints.chain_id,
    )
    return signer.auth_token(expires_at_s=expiry_s)


def _kept(spec: HedgePairSpec, make: MakeToken) -> TokenMaker:
    """Signing a token is as dear as signing an order, so each is kept while it is good."""
    accounts = {spec.maker.account.account_index: spec.maker.account}
    if spec.hedger is not None:
        accounts[spec.hedger.account.account_index] = spec.hedger.account
    kept: dict[int, tuple[int, str]] = {}

    def token_of(account_index: int) -> str:
        now_s = int(time.time())
        expiry_s, token = kept.get(account_index, (0, ""))
        if expiry_s - now_s < _LIFE_S // 2:
            expiry_s = now_s + _LIFE_S
            token = make(accounts[account_index], expiry_s)
            kept[account_index] = expiry_s, token
        return token

    return token_of
