"""The uncertain rules that may be turned while the exchange runs (protocol §12).

On these the hedge protocol rests: it must hold either way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from types import MappingProxyType

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
CHOICES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "refuse_skip_nonce": _BOTH,
        "ioc_dust_refused": _BOTH,
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
    return {
        "refuse_skip_nonce": settings.refuse_skip_nonce,
        "ioc_dust_refused": settings.ioc_dust_refused,
        "scheduled_cancel_all": settings.scheduled_cancel_all.value,
        "dead_cancel": settings.dead_cancel.value,
    }


def switched(settings: ExchangeSettings, name: str, value: SwitchValue) -> ExchangeSettings:
    """`value` as `read_position` gives it."""
    match name:
        case "refuse_skip_nonce":
            return replace(settings, refuse_skip_nonce=bool(value))
        case "ioc_dust_refused":
            return replace(settings, ioc_dust_refused=bool(value))
        case "scheduled_cancel_all":
            return replace(settings, scheduled_cancel_all=CancelAllRefresh(str(value)))
        case "dead_cancel":
            return replace(settings, dead_cancel=DeadCancel(str(value)))
        case _:
            raise AssertionError(f"{name} is no switch of the engine: positions are read first")
