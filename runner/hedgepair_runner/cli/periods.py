"""Periods of the past as people write them: --since, or --from and --to."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from hedgepair_runner.cli.parsing import duration_s
from hedgepair_runner.refusals import StartRefused

_MICROS = 1_000_000


def add_period_flags(parser: argparse.ArgumentParser, *, default: str) -> None:
    """`default` is what --since is when neither it nor --from is given."""
    begin = parser.add_mutually_exclusive_group()
    begin.add_argument(
        "--since",
        type=duration_s,
        metavar="TIME",
        default=None,
        help=f"from so long ago, such as 90s, 10m or 1h (default: {default})",
    )
    begin.add_argument(
        "--from",
        dest="from_at",
        type=moment_us,
        metavar="ISO",
        help="from this moment, such as 2026-11-24T08:00:00+00:00 (UTC where no zone is given)",
    )
    parser.add_argument(
        "--to", dest="to_at", type=moment_us, metavar="ISO", help="until then (default: now)"
    )
    parser.set_defaults(default_since=duration_s(default))


def moment_us(words: str) -> int:
    """ISO 8601 as Unix microseconds; UTC where it names no zone."""
    try:
        at = datetime.fromisoformat(words)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{words!r} is no moment; write 2026-11-24T08:00:00 or 2026-11-24T08:00:00+01:00"
        ) from None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return int(at.timestamp() * _MICROS)


def period_of(options: argparse.Namespace, *, now_us: int) -> tuple[int, int]:
    """(from, to) in Unix microseconds. Raises StartRefused for a period that is none."""
    to_us: int = now_us if options.to_at is None else options.to_at
    if options.from_at is not None:
        from_us: int = options.from_at
    else:
        since_s = options.default_since if options.since is None else options.since
        from_us = now_us - int(since_s * _MICROS)
    if from_us >= to_us:
        raise StartRefused("the period ends before it begins; check --since, --from and --to")
    return from_us, to_us
