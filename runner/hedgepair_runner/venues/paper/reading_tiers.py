"""Tiers, maker-only keys and the fixed facts of a venue without a chain (protocol §3, §7.12)."""

from __future__ import annotations

import orjson

from hedgepair_runner.venues.paper.parameters import BadParameterError
from hedgepair_runner.venues.paper.reading import Answer, Json, Read
from hedgepair_runner.venues.paper.refusals import refuse
from hedgepair_runner.venues.paper.settings import TIERS
from hedgepair_runner.venues.paper.views import Refusal

_STAKES = {"premium-500k": 500_000}
_MOST_MAKER_KEYS = 251


def change_account_tier(read: Read) -> Answer:
    """For the token's own account, and with it for its whole L1 address."""
    own = read.own_account()
    if isinstance(own, Refusal):
        return own
    new_tier = read.parameters.text("new_tier")
    refused = read.exchange.change_tier(own, new_tier, now_us=read.now_us)
    return refuse(refused) if refused is not None else {"code": 200}


def maker_only_api_keys(read: Read) -> Answer:
    own = read.own_account()
    if isinstance(own, Refusal):
        return own
    return {"code": 200, "api_key_indexes": list(read.exchange.doors.maker_only_keys(own))}


def set_maker_only_api_keys(read: Read) -> Answer:
    """`api_key_indexes` is a JSON array as text; an empty one lifts the restriction."""
    own = read.own_account()
    if isinstance(own, Refusal):
        return own
    keys = _keys(read.parameters.text("api_key_indexes"))
    refused = read.exchange.set_maker_only_keys(own, keys, now_us=read.now_us)
    return refuse(refused) if refused is not None else {"code": 200}


def _keys(text: str) -> frozenset[int]:
    try:
        keys = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadParameterError("api_key_indexes") from error
    if not isinstance(keys, list) or not all(type(key) is int for key in keys):
        raise BadParameterError("api_key_indexes")
    if len(keys) > _MOST_MAKER_KEYS:
        raise BadParameterError("api_key_indexes")
    return frozenset(keys)


def fee_tiers(_read: Read) -> Answer:
    tiers = [(name, tier) for name, tier in TIERS.items() if name != "none"]
    rows: list[Json] = [
        {
            "name": name,
            "level": level,
            "maker_fee_ticks": tier.maker_fee_millionths,
            "taker_fee_ticks": tier.taker_fee_millionths,
            "required_lit_stakes": _STAKES.get(name, 0),
            "required_volume": 0,
        }
        for level, (name, tier) in enumerate(tiers)
    ]
    return {"user_tiers": rows, "bo_tiers": [], "staking_tiers": []}


def transfer_fee_info(read: Read) -> Answer:
    """Nothing is transferred on paper, for nothing."""
    own = read.own_account()
    if isinstance(own, Refusal):
        return own
    return {"code": 200, "transfer_fee_usdc": 0}


def withdrawal_delay(_read: Read) -> Answer:
    return {"seconds": 0}


def layer1_basic_info(_read: Read) -> Answer:
    """There is no chain below."""
    return {
        "code": 200,
        "l1_providers": [],
        "l1_providers_health": True,
        "validator_info": [],
        "contract_addresses": [],
        "latest_l1_generic_block": 0,
        "latest_l1_governance_block": 0,
        "latest_l1_desert_block": 0,
    }
