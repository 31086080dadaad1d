"""What a role works with at its venue: its account, its key, its signer and its client."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable

from hedgepair_runner.clock import Clock
from hedgepair_runner.contract.credentials import KeyUnavailable, resolve_key
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.manifest import HedgePair
from hedgepair_runner.contract.settings import RunnerSettings
from hedgepair_runner.contract.spec import Account
from hedgepair_runner.logs import secrets
from hedgepair_runner.refusals import StartRefused
from hedgepair_runner.refusing import SECRET_MISSING
from hedgepair_runner.venues.lighter.aiohttp_transport import AiohttpTransport, Endpoints
from hedgepair_runner.venues.lighter.client import LighterVenue, VenueParts
from hedgepair_runner.venues.lighter.limiting import Limiter
from hedgepair_runner.venues.lighter.signer import NativeSigner
from hedgepair_runner.venues.tiers import STANDARD

logger = logging.getLogger(__name__)

PartsHook = Callable[[VenueParts], VenueParts]


def signer_of(role: Role, settings: RunnerSettings) -> NativeSigner:
    """Raises StartRefused where the key is not to be found."""
    account = account_of(role, settings.manifest)
    return NativeSigner(
        account_index=account.account_index,
        api_key_index=account.api_key_index,
        private_key=private_key_of(account, settings),
        chain_id=settings.endpoints.chain_id,
    )


def venue_of(
    role: Role,
    settings: RunnerSettings,
    signer: NativeSigner,
    *,
    clock: Clock,
    parts_hook: PartsHook | None,
) -> LighterVenue:
    endpoints = settings.endpoints
    transport = AiohttpTransport(
        Endpoints(rest_url=endpoints.rest_url, ws_url=endpoints.ws_url, chain_id=endpoints.chain_id)
    )
    parts = VenueParts(
        transport=transport,
        clock=clock,
        rng=random.Random(f"{settings.holder}:{role.label}"),
        limiter=Limiter(STANDARD),
    )
    if parts_hook is not None:
        parts = parts_hook(parts)
    watched = () if role is Role.MAKER else (settings.manifest.spec.maker.account.account_index,)
    return LighterVenue(signer, parts, symbols=(settings.manifest.spec.market,), watched=watched)


def private_key_of(account: Account, settings: RunnerSettings) -> str:
    """The key in hex. Raises StartRefused without one; its text is a known secret from now on."""
    if settings.endpoints.paper_seed is not None and account.secret_ref is None:
        from hedgepair_runner.venues.paper import keys  # only paper needs it

        return keys.private_hex(
            keys.private_key(
                settings.endpoints.paper_seed, account.account_index, account.api_key_index
            )
        )
    if account.secret_ref is None:
        raise AssertionError("off paper a signing account has a secretRef, by the manifest's rules")
    try:
        resolved = resolve_key(
            account.secret_ref, secrets_dir=settings.secrets_dir, environ=settings.environ
        )
    except KeyUnavailable as unavailable:
        raise StartRefused(str(unavailable), reason_code=SECRET_MISSING) from unavailable
    secrets.register(resolved.key.reveal())
    if resolved.warning:
        logger.warning("key is not well kept", extra={"remedy": resolved.warning})
    return resolved.key.reveal()


def account_of(role: Role, manifest: HedgePair) -> Account:
    """The account that a role signs for. Raises StartRefused where there is none."""
    if role is Role.MAKER:
        return manifest.spec.maker.account
    if manifest.spec.hedger is None:
        raise StartRefused("spec.hedger.account is missing: a hedger needs an account of its own.")
    return manifest.spec.hedger.account


def hedger_account_of(manifest: HedgePair) -> int | None:
    hedger = manifest.spec.hedger
    return None if hedger is None else hedger.account.account_index
