"""`hedgepair exchange`: the paper exchange as a process."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hedgepair_runner.venues.paper import credentials
from hedgepair_runner.venues.paper.admin import AdminPortError
from hedgepair_runner.venues.paper.assembly import PAPER_CHAIN_ID, ExchangeOptions, serve
from hedgepair_runner.venues.paper.fault_rules import BadFaultError
from hedgepair_runner.venues.paper.gateway_settings import Checking, GatewaySettings
from hedgepair_runner.venues.paper.generating import PROFILES
from hedgepair_runner.venues.paper.markets import UnknownMarketError, choose
from hedgepair_runner.venues.paper.recordings import Recording, read_recording
from hedgepair_runner.venues.paper.records import MarketRules
from hedgepair_runner.venues.paper.server import ExchangeServer
from hedgepair_runner.venues.paper.settings import TIERS, ExchangeSettings, Tier
from hedgepair_runner.venues.paper.state_dir import StateError
from hedgepair_runner.venues.paper.tape import TapeError
from hedgepair_runner.venues.paper.tier_files import TierFileError, read_tier
from hedgepair_runner.venues.paper.trouble_flags import (
    BadFlagError,
    add_trouble_arguments,
    understand_troubles,
)

DEFAULT_PORT = 8080
OK = 0
FAILED = 1
MISUSED = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help="port; 0 for any free one (%(default)s)"
    )
    parser.add_argument(
        "--market",
        action="append",
        default=[],
        metavar="SYMBOL",
        help="a market to trade; may be repeated (default: all)",
    )
    parser.add_argument("--seed", default="7", help="decides keys and prices (%(default)s)")
    parser.add_argument("--chain-id", type=int, default=PAPER_CHAIN_ID, help="(%(default)s)")
    states = parser.add_mutually_exclusive_group()
    states.add_argument(
        "--state", type=Path, metavar="DIR", help="keep the exchange's state here and go on from it"
    )
    states.add_argument(
        "--state-root",
        type=Path,
        metavar="DIR",
        help="the same, in a folder of its own for each build and kind of exchange: where another "
        "one's state would be refused, begin anew",
    )
    parser.add_argument(
        "--no-fsync",
        dest="state_syncs",
        action="store_false",
        help="with a state: do not wait for the disk; a power cut may then cost the last answers",
    )
    _add_behaviour(parser)
    add_trouble_arguments(parser)
    _add_accounts(parser)


def _add_behaviour(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--latency",
        metavar="TIER",
        default="none",
        help=f"whose delays and fees apply: {', '.join(sorted(TIERS))}, or a file (%(default)s)",
    )
    parser.add_argument(
        "--profile",
        choices=[*PROFILES, "none"],
        default="demo",
        help="how the generated market behaves (%(default)s): " + _profiles(),
    )
    parser.add_argument(
        "--tape",
        action="append",
        default=[],
        metavar="SYMBOL=FILE",
        help="play a recording in a market: trades (CSV: timestamp_ms,price,size,is_buy) "
        "or books (timestamp_ms,price,size,is_ask; lines of one time are one book)",
    )
    parser.add_argument(
        "--signatures",
        choices=[each.value for each in Checking],
        default=Checking.SAMPLED.value,
        help="which signatures are verified (%(default)s)",
    )
    parser.add_argument(
        "--strict",
        dest="signatures",
        action="store_const",
        const=Checking.STRICT.value,
        help="verify every signature before its transaction is queued",
    )


def _profiles() -> str:
    listed = [f"{profile.name}: {profile.summary}" for profile in PROFILES.values()]
    listed.append("none: nobody trades but the clients")
    # argparse formats help texts with %.
    return "; ".join(listed).replace("%", "%%")


def _add_accounts(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--same-l1",
        action="append",
        default=[],
        metavar="A,B",
        help="accounts that share one L1 address; may be repeated",
    )
    parser.add_argument("--credentials-out", type=Path, metavar="FILE", help="write keys here")
    parser.add_argument("--accounts", default="1,2", metavar="A,B", help="whose keys (%(default)s)")
    parser.add_argument(
        "--keys", type=int, default=4, help="keys per account, from index 4 on (%(default)s)"
    )


class UsageError(Exception):
    """The arguments cannot be followed; the text is a sentence for the user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """The arguments, understood."""

    options: ExchangeOptions
    host: str
    port: int
    accounts: tuple[int, ...]
    api_key_indexes: range
    credentials_out: Path | None


def run(arguments: argparse.Namespace) -> int:
    """Serves until SIGINT or SIGTERM. Returns the exit code: 0, or 2 with a sentence on stderr."""
    try:
        wanted = _understand(arguments)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_serve(wanted))
    except UsageError as error:
        _say(str(error))
        return MISUSED
    except KeyboardInterrupt:
        # Before the handlers stood, say while the workers start.
        return OK
    return OK


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="hedgepair exchange", description="A local exchange that speaks Lighter's protocol."
    )
    add_arguments(parser)
    return run(parser.parse_args(argv))


async def _serve(wanted: _Wanted) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    try:
        async with serve(wanted.options, host=wanted.host, port=wanted.port) as server:
            if wanted.credentials_out is not None:
                _write_credentials(wanted.credentials_out, wanted, server)
            sys.stdout.write(f"paper exchange at {server.url} (WebSocket {server.ws_url})\n")
            if server.admin is not None:
                sys.stdout.write(f"admin page at {server.admin.announced_url}\n")
            sys.stdout.flush()
            await _until(stopped, server)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError(f"cannot listen on {wanted.host}:{wanted.port}: {reason}") from error
    except AdminPortError as error:
        raise UsageError(f"--admin-port: {error}") from error
    except BadFaultError as error:
        raise UsageError(f"--faults: {error}") from error
    except (StateError, ExceptionGroup) as error:
        raise _state_fault(error) from error


def _state_fault(error: Exception) -> Exception:
    """A sentence, if the state directory is what failed; it may have failed several tasks."""
    while isinstance(error, ExceptionGroup):
        found = error.subgroup(StateError)
        if found is None:
            return error
        error = found.exceptions[0]
    return UsageError(f"--state: {error}")


async def _until(stopped: asyncio.Event, server: ExchangeServer) -> None:
    """Until the signal, or until the server breaks: then with its exception."""
    async with asyncio.TaskGroup() as tasks:
        failed = tasks.create_task(server.failed(), name="exchange failed")
        await stopped.wait()
        failed.cancel()


def _write_credentials(path: Path, wanted: _Wanted, server: ExchangeServer) -> None:
    entries = []
    for account_index in wanted.accounts:
        view = server.gateway.exchange.account(account_index)
        if view is None:
            raise UsageError(f"--accounts: {account_index} is no account index")
        entries += credentials.account_entries(
            account_index,
            seed=wanted.options.seed,
            l1_address=view.l1_address,
            api_key_indexes=wanted.api_key_indexes,
        )
    content = {
        "url": server.url,
        "ws_url": server.ws_url,
        "chain_id": wanted.options.chain_id,
        "accounts": entries,
    }
    try:
        credentials.write(path, content)
    except OSError as error:
        raise UsageError(f"--credentials-out: cannot write {path}: {error.strerror}") from error


def _tiers(latency: str) -> Mapping[str, Tier]:
    """The named tiers, and the one in the file if it is a file's name."""
    if latency in TIERS:
        return TIERS
    try:
        return {**TIERS, latency: read_tier(Path(latency).read_text(encoding="utf-8"))}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"--latency: {latency} is no tier and no file that can be read; "
            f"the tiers are {', '.join(sorted(TIERS))}"
        ) from error
    except TierFileError as error:
        raise UsageError(f"--latency: {latency}: {error}") from error


def _understand(arguments: argparse.Namespace) -> _Wanted:
    try:
        markets = choose(arguments.market)
    except UnknownMarketError as error:
        raise UsageError(f"--market: {error}") from error
    if not 0 <= arguments.port <= 65_535:
        raise UsageError(f"--port: {arguments.port} is not between 0 and 65535")
    last_key = credentials.FIRST_KEY + arguments.keys
    if not credentials.FIRST_KEY < last_key <= 255:
        raise UsageError(f"--keys: {arguments.keys} is not between 1 and 251")
    try:
        troubles = understand_troubles(arguments, tier=arguments.latency)
    except BadFlagError as error:
        raise UsageError(str(error)) from error
    options = ExchangeOptions(
        seed=arguments.seed,
        chain_id=arguments.chain_id,
        markets=markets,
        exchange=ExchangeSettings(
            default_tier=arguments.latency,
            tiers=_tiers(arguments.latency),
            same_l1=frozenset(
                frozenset(_indexes("--same-l1", group)) for group in arguments.same_l1
            ),
        ),
        gateway=GatewaySettings(
            checking=Checking(arguments.signatures),
            limits=troubles.limits,
            lags=troubles.lags,
            fault_seed=troubles.scenario.seed,
        ),
        faults=troubles.scenario.faults,
        admin=troubles.admin,
        profile=None if arguments.profile == "none" else PROFILES[arguments.profile],
        tapes=dict(_tape(text, markets) for text in arguments.tape),
        state_dir=arguments.state,
        state_root=arguments.state_root,
        state_syncs=arguments.state_syncs,
    )
    return _Wanted(
        options=options,
        host=arguments.host,
        port=arguments.port,
        accounts=_indexes("--accounts", arguments.accounts),
        api_key_indexes=range(credentials.FIRST_KEY, last_key),
        credentials_out=arguments.credentials_out,
    )


def _indexes(option: str, text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise UsageError(f"{option}: {text!r} is not a list of account indexes such as 1,2")
    return tuple(map(int, parts))


def _tape(text: str, markets: Sequence[MarketRules]) -> tuple[int, Recording]:
    symbol, _, name = text.partition("=")
    rules = {each.symbol: each for each in markets}.get(symbol.upper())
    if rules is None or not name:
        raise UsageError(f"--tape: {text!r} is not SYMBOL=FILE of a market that is traded")
    try:
        with Path(name).open(newline="", encoding="utf-8") as file:
            return rules.market_id, read_recording(file.readlines(), rules)
    except OSError as error:
        raise UsageError(f"--tape: cannot read {name}: {error.strerror}") from error
    except (TapeError, UnicodeDecodeError) as error:
        raise UsageError(f"--tape: {name}: {error}") from error


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it is installed: it is not made for every system."""
    try:
        import uvloop
    except ModuleNotFoundError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def _say(sentence: str) -> None:
    sys.stderr.write(f"hedgepair exchange: {sentence}\n")
