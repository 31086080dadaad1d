"""A paper exchange in this process, on a free loopback port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from hedgepair_runner.contract.manifest import HedgePair
from hedgepair_runner.contract.settings import VenueEndpoints
from hedgepair_runner.refusals import StartRefused
from hedgepair_runner.venues.paper.assembly import ExchangeOptions, serve
from hedgepair_runner.venues.paper.generating import PROFILES
from hedgepair_runner.venues.paper.markets import UnknownMarketError, choose


@asynccontextmanager
async def embedded_exchange(
    manifest: HedgePair, endpoints: VenueEndpoints, *, profile: str
) -> AsyncIterator[VenueEndpoints]:
    """Serves the pair's market; yields where. Raises StartRefused for a market it does not have."""
    if endpoints.paper_seed is None:
        raise AssertionError("only a Paper pair gets an embedded exchange, and it has a seed")
    try:
        markets = choose([manifest.spec.market])
    except UnknownMarketError as error:
        raise StartRefused(f"spec.market: {error}") from error
    options = ExchangeOptions(
        seed=endpoints.paper_seed,
        chain_id=endpoints.chain_id,
        markets=markets,
        profile=None if profile == "none" else PROFILES[profile],
    )
    async with serve(options) as server:
        yield VenueEndpoints(
            rest_url=server.url,
            ws_url=server.ws_url,
            chain_id=endpoints.chain_id,
            paper_seed=endpoints.paper_seed,
        )
