"""The uncertain rules that may be turned while the exchange runs (protocol §12).

On these the hedge protocol rests: it must hold either way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from hedgepair_runner.venues.paper.settings import CancelAllRefresh, DeadCancel, ExchangeSettings

SwitchValue = bool | str


class AnswerShape(StrEnum):
    """Of transactions sent by WebSocket (protocol §6.7)."""

    TOP_LEVEL = "top-level"
    """Fields and `id` at the top level, refusals as `{"error": {code, message, id}}`."""
    UNDER_DATA = "data"
    """Fields and `id` under `data`; refusals as above."""
    BARE = "bare"
    """No `id`: answers are known by their order; a refusal is `{type, code, message}`."""


_BOTH = ("false", "true")
SENDTX_ANSWER = "sendtx_answer"
_FLAGS = (
    "refuse_skip_nonce",
    "skipped_nonces_live",
    "refusal_uses_nonce",
    "failure_keeps_nonce",
    "cancel_all_everywhere",
    "schedule_ignored",
    "self_trade_by_account",
    "client_index_once",
    "position_before_absent",
    "public_trades_anonymous",
    "ioc_dust_refused",
)
CHOICES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        **dict.fromkeys(_FLAGS, _BOTH),
        "scheduled_cancel_all": tuple(CancelAllRefresh),
        "dead_cancel": tuple(DeadCancel),
        SENDTX_ANSWER: tuple(AnswerShape),
    }
)
"""Every switch with its positions as text; those of `true` and `false` are booleans."""


def read_position(name: str, value: object) -> SwitchValue:
    """The position that is meant. Raises ValueError with a sentence."""
    choices = CHOICES.get(name)
    if choices is None:
        raise ValueError(f"there is no switch {name!r}; there are {', '.join(CHOICES)}")
    text = str(value).lower() if isinstance(value, bool) else value
    if not isinstance(text, str) or text not in choices:
        raise ValueError(f"{name} is one of {', '.join(choices)}, not {value!r}")
    return text == "true" if choices is _BOTH else text


def positions(settings: ExchangeSettings) -> dict[str, SwitchValue]:
    """Of the engine's switches; `sendtx_answer` is the gateway's."""
    flags: dict[str, SwitchValue] = {name: getattr(settings, name) for name in _FLAGS}
    return {
        **flags,
        "scheduled_cancel_all": settings.scheduled_cancel_all.value,
        "dead_cancel": settings.dead_cancel.value,
    }


def switched(settings: ExchangeSettings, name: str, value: SwitchValue) -> ExchangeSettings:
    """`value` as `read_position` gives it."""
    if name in _FLAGS:
        flag: dict[str, Any] = {name: bool(value)}
        return replace(settings, **flag)
    match name:
        case "scheduled_cancel_all":
            return replace(settings, scheduled_cancel_all=CancelAllRefresh(str(value)))
        case "dead_cancel":
            return replace(settings, dead_cancel=DeadCancel(str(value)))
        case _:
            raise AssertionError(f"{name} is no switch of the engine: positions are read first")
