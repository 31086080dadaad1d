"""A tier of one's own, from a file: for `--latency FILE`.

YAML or JSON, every field optional:

    name: my-venue                # shown by accountLimits
    makerDelayMs: 5               # before what cannot take is executed
    takerDelayMs: 25              # before what can
    makerFeeMillionths: 20        # of the quote; 20 = 0.002 %
    takerFeeMillionths: 200
    hasVolumeQuota: false
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import yaml

from hedgepair_runner.venues.paper.settings import Tier

_MOST: Final = {
    "makerDelayMs": 60_000,
    "takerDelayMs": 60_000,
    "makerFeeMillionths": 100_000,
    "takerFeeMillionths": 100_000,
}


class TierFileError(ValueError):
    """The file names no tier; the text is a sentence for the user."""


def read_tier(text: str) -> Tier:
    """Raises TierFileError, which names the field, what is wrong and what it takes."""
    try:
        tree = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise TierFileError("it is neither YAML nor JSON") from error
    if not isinstance(tree, Mapping):
        raise TierFileError("it holds no fields; the first is takerDelayMs, for example")
    unknown = sorted(str(field) for field in tree.keys() - {*_MOST, "name", "hasVolumeQuota"})
    if unknown:
        raise TierFileError(f"{unknown[0]} is no field of a tier; take it out or mend its name")
    numbers = {field: _number(tree, field) for field in _MOST}
    return Tier(
        name=_text(tree),
        maker_delay_us=numbers["makerDelayMs"] * 1_000,
        taker_delay_us=numbers["takerDelayMs"] * 1_000,
        maker_fee_millionths=numbers["makerFeeMillionths"],
        taker_fee_millionths=numbers["takerFeeMillionths"],
        has_volume_quota=_flag(tree),
    )


def _number(tree: Mapping[Any, Any], field: str) -> int:
    value = tree.get(field, 0)
    if type(value) is not int or not 0 <= value <= _MOST[field]:
        raise TierFileError(f"{field} must be a whole number from 0 to {_MOST[field]}")
    return value


def _text(tree: Mapping[Any, Any]) -> str:
    name = tree.get("name", "standard")
    if not isinstance(name, str) or not name:
        raise TierFileError("name must be a text")
    return name


def _flag(tree: Mapping[Any, Any]) -> bool:
    has_quota = tree.get("hasVolumeQuota", False)
    if not isinstance(has_quota, bool):
        raise TierFileError("hasVolumeQuota must be true or false")
    return has_quota
