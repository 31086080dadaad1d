"""`hedgepair exchange`: the flags for limits, lag, faults and the admin port."""

from __future__ import annotations

import argparse
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hedgepair_runner.venues.paper.admin import AdminOptions
from hedgepair_runner.venues.paper.fault_files import Scenario, read_scenario
from hedgepair_runner.venues.paper.fault_rules import BadFaultError
from hedgepair_runner.venues.paper.lagging import EVERY, Lag
from hedgepair_runner.venues.paper.limiting_requests import LimitSettings
from hedgepair_runner.venues.paper.rest import endpoints

ADMIN_TOKEN = "HEDGEPAIR_EXCHANGE_ADMIN_TOKEN"
_UNLIMITED_TIERS = frozenset({"none"})


class BadFlagError(Exception):
    """A flag that cannot be followed; the text is a sentence that names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TroubleFlags:
    """The flags, understood."""

    limits: LimitSettings
    lags: Mapping[str, Lag]
    scenario: Scenario
    admin: AdminOptions | None


def add_trouble_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--rate-limits",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="the venue's rate limits (default: on, unless --latency is none)",
    )
    parser.add_argument(
        "--lag-ms",
        action="append",
        default=[],
        metavar="[ENDPOINT=]MS",
        help="REST reads, or those of one endpoint, are so far behind; 0-250 is a range",
    )
    parser.add_argument("--faults", type=Path, metavar="FILE", help="a scenario, YAML or JSON")
    parser.add_argument(
        "--admin-port", type=int, help="serve the admin page and API here; 0 for any free port"
    )
    parser.add_argument(
        "--admin-token-file",
        type=Path,
        metavar="FILE",
        help=f"the admin API's token (default: ${ADMIN_TOKEN}, else a new one)",
    )


def understand_troubles(arguments: argparse.Namespace, *, tier: str) -> TroubleFlags:
    """Raises BadFlagError."""
    is_on = arguments.rate_limits
    if is_on is None:
        is_on = tier not in _UNLIMITED_TIERS
    return TroubleFlags(
        limits=LimitSettings(is_on=is_on),
        lags=dict(_lag(text) for text in arguments.lag_ms),
        scenario=_scenario(arguments.faults),
        admin=_admin(arguments),
    )


def _lag(text: str) -> tuple[str, Lag]:
    endpoint, equals, span = text.rpartition("=")
    if not equals:
        endpoint = EVERY
    if endpoint not in endpoints() | {EVERY}:
        raise BadFlagError(f"--lag-ms: there is no endpoint {endpoint!r}")
    low, dash, high = span.partition("-")
    ends = (low, high if dash else low)
    if not all(each.isascii() and each.isdigit() and len(each) < 9 for each in ends):
        raise BadFlagError(f"--lag-ms: {text!r} is not a lag such as 250, 0-250 or nextNonce=250")
    try:
        return endpoint, Lag(low_ms=int(ends[0]), high_ms=int(ends[1]))
    except ValueError as error:
        raise BadFlagError(f"--lag-ms: {text!r}: {error}") from error


def _scenario(path: Path | None) -> Scenario:
    if path is None:
        return Scenario()
    try:
        return read_scenario(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadFlagError(f"--faults: cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadFlagError(f"--faults: {path} is not UTF-8 text") from error
    except BadFaultError as error:
        raise BadFlagError(f"--faults: {path}: {error}") from error


def _admin(arguments: argparse.Namespace) -> AdminOptions | None:
    path: Path | None = arguments.admin_token_file
    if arguments.admin_port is None:
        if path is not None:
            raise BadFlagError("--admin-token-file: without --admin-port there is no admin API")
        return None
    if not 0 <= arguments.admin_port <= 65_535:
        raise BadFlagError(f"--admin-port: {arguments.admin_port} is not between 0 and 65535")
    token = os.environ.get(ADMIN_TOKEN, "").strip()
    if path is not None:
        try:
            token = path.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise BadFlagError(
                f"--admin-token-file: cannot read {path}: {error.strerror}"
            ) from error
        except UnicodeDecodeError as error:
            raise BadFlagError(f"--admin-token-file: {path} is not text") from error
        if not token:
            raise BadFlagError(f"--admin-token-file: {path} is empty")
    try:
        return AdminOptions(
            port=arguments.admin_port,
            token=token or secrets.token_urlsafe(24),
            is_brought=bool(token),
        )
    except ValueError as error:
        raise BadFlagError(f"--admin-token-file: {error}") from error
