"""Whole numbers as the venue writes them: decimal strings padded to the market's decimals."""

from __future__ import annotations

QUOTE_DECIMALS = 6
PICO_DECIMALS = 12
_PICO_PER_MICRO = 1_000_000


def fixed(units: int, decimals: int) -> str:
    """`fixed(500, 4)` is `"0.0500"`: what protocol §1.3 calls padded."""
    sign = "-" if units < 0 else ""
    digits = str(abs(units)).rjust(decimals + 1, "0")
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}" if decimals else f"{sign}{digits}"


def quote(micro: int) -> str:
    return fixed(micro, QUOTE_DECIMALS)


def quote_of_pico(pico: int) -> str:
    """Down, also below zero: an account is never shown richer than it is."""
    return fixed(pico // _PICO_PER_MICRO, QUOTE_DECIMALS)


def number(units: int, decimals: int) -> float | int:
    """A JSON number, for the statistics that the venue does not quote (protocol §1.3).

    It is for showing only; nothing computes with it.
    """
    scale = int(10**decimals)
    return units // scale if units % scale == 0 else units / scale
