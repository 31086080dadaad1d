"""`hedgepair cancel`, `flatten` and `resume`: a wish, carried out until it is proved."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from hedgepair_runner import lifecycle
from hedgepair_runner.bus import BusUnavailable
from hedgepair_runner.cli.confirming import confirm
from hedgepair_runner.cli.extras import local_only
from hedgepair_runner.cli.manifests import add_manifest_flags, pair_of, read_manifest, roles_in
from hedgepair_runner.cli.parsing import duration_s, parser_of
from hedgepair_runner.cli.redis_flags import add_redis_flags, named_redis_url
from hedgepair_runner.cli.runner_flags import (
    add_endpoint_flags,
    endpoints_of,
    endpoints_or_embedded,
    new_holder,
)
from hedgepair_runner.cli.versions import own_version
from hedgepair_runner.contract.desired import Wish
from hedgepair_runner.contract.identity import Role
from hedgepair_runner.contract.manifest import HedgePair
from hedgepair_runner.contract.settings import RunnerSettings
from hedgepair_runner.contract.spec import Network
from hedgepair_runner.logs import LogFormat, logging_to
from hedgepair_runner.refusals import StartRefused

if TYPE_CHECKING:
    from hedgepair_runner.local.demander import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One of the commands. `warning` is what a person agrees to; `done` what is said at the end."""

    name: str
    wish: Wish
    does: str
    warning: str
    done: str
    within_s: float


_BY_OPERATOR: Final = (
    " For a pair that an operator runs, change spec.suspend instead: the operator would put its "
    "own wish back."
)
CANCEL: Final = Order(
    name="cancel",
    wish=Wish.SUSPEND,
    does=(
        "Withdraws a pair's orders now and keeps it from quoting until `hedgepair resume`. "
        "What was filled is hedged, positions stay. It waits for the proof from the exchange and "
        "says what is left. Exit code 1 when that is not proved in time." + _BY_OPERATOR
    ),
    warning="This withdraws the orders of {pair} on {network} and suspends it.",
    done="no order of {pair} rests, and what was filled is hedged",
    within_s=60.0,
)
FLATTEN: Final = Order(
    name="flatten",
    wish=Wish.FLATTEN,
    does=(
        "Withdraws a pair's orders and closes both positions, in lockstep, by reduce-only orders "
        "within its price bounds. It waits for the proof from the exchange and says what is left. "
        "Exit code 1 when that is not proved in time." + _BY_OPERATOR
    ),
    warning="This closes both positions of {pair} on {network}, at the market's price.",
    done="{pair} is flat: no order rests, both positions are zero",
    within_s=300.0,
)
RESUME: Final = Order(
    name="resume",
    wish=Wish.RUN,
    does=(
        "Lets a pair quote again that `hedgepair cancel` or `hedgepair flatten` suspended. "
        "Halts stay: they are ended by `hedgepair acknowledge`." + _BY_OPERATOR
    ),
    warning="This lets {pair} quote again on {network}.",
    done="{pair} may quote again",
    within_s=30.0,
)


def main_of(order: Order, arguments: Sequence[str]) -> int:
    options = _parser(order).parse_args(arguments)
    manifest = read_manifest(options.file)
    pair = pair_of(manifest, options.namespace)
    if manifest.spec.exchange.network is not Network.PAPER:
        network = manifest.spec.exchange.network.value
        confirm(order.warning.format(pair=pair, network=network), is_sure=options.yes)
    settings = RunnerSettings(
        manifest=manifest,
        namespace=pair.namespace,
        endpoints=endpoints_or_embedded(manifest, options, os.environ),
        redis_url=named_redis_url(options, os.environ) or "",
        redis_url_file=options.redis_url_file,
        holder=new_holder(),
        secrets_dir=options.secrets,
        environ=os.environ,
        version=own_version(),
    )
    if options.force:
        settings = replace(settings, endpoints=endpoints_of(manifest, options, os.environ))

    async def act(stop: asyncio.Event) -> int:
        try:
            return await _act(order, settings, options, stop)
        except BusUnavailable as error:
            raise StartRefused(
                f"Redis gave no answer ({error}), so no runner was asked. Where is it? "
                f"`hedgepair {order.name} … --force` without Redis does it from here."
            ) from error

    with logging_to(sys.stderr, log_format=LogFormat.TEXT, level="error"):
        return lifecycle.run(act)


def _parser(order: Order) -> argparse.ArgumentParser:
    parser = parser_of(
        order.name,
        does=order.does,
        example=f"hedgepair {order.name} -f pair.yaml --redis redis://127.0.0.1:6379/0",
    )
    add_manifest_flags(parser)
    add_redis_flags(parser)
    add_endpoint_flags(parser)
    parser.add_argument(
        "--within",
        type=duration_s,
        default=order.within_s,
        metavar="TIME",
        help="wait so long for the proof (default: %(default).0fs)",
    )
    if order.wish is not Wish.RUN:
        parser.add_argument(
            "--force",
            action="store_true",
            help="play the roles that do not report from here, with their keys: under the same "
            "lease, behind the same fence",
        )
    parser.set_defaults(force=False)
    parser.add_argument("--yes", action="store_true", help="do not ask before it is done")
    parser.add_argument("--output", "-o", choices=("text", "json"), default="text")
    return parser


async def _act(
    order: Order, settings: RunnerSettings, options: argparse.Namespace, stop: asyncio.Event
) -> int:
    with local_only(order.name):
        from hedgepair_runner.local import demanding, redis_server
        from hedgepair_runner.local.demander import Demander
        from hedgepair_runner.local.pair_remote import PairRemote

    def tell(words: str) -> None:
        sys.stderr.write(f"{words}\n")
        sys.stderr.flush()

    async with AsyncExitStack() as stack:
        if not settings.redis_url:
            _refuse_without_redis(order, options)
            tell(
                "no Redis is named: doing it from here alone. A runner that is alive elsewhere "
                "is fenced off, and takes over again afterwards; stop it first."
            )
            server = stack.enter_context(redis_server.start())
            settings = replace(settings, redis_url=server.url)
        remote = await stack.enter_async_context(PairRemote(settings.redis_url, settings.pair))
        demander = Demander(settings, remote, tell=tell)
        seen = await demander.see()
        roles = roles_in(settings.manifest)
        silent = demanding.silent_roles(seen.reports, roles)
        if silent and order.wish is Wish.RUN:
            roles = tuple(role for role in roles if role not in silent)
        elif silent and not options.force:
            _refuse_silent(order, silent, options)
        if silent and options.force:
            tell(f"playing the {_and(silent)} from here")
            outcome = await demander.ask_and_play(
                order.wish, playing=silent, seen=seen, within_s=options.within, stop=stop
            )
        else:
            outcome = await demander.ask(
                order.wish, roles=roles, seen=seen, within_s=options.within
            )
    return _conclude(order, settings.manifest, outcome, options, silent=silent)


def _refuse_without_redis(order: Order, options: argparse.Namespace) -> None:
    if not options.force:
        raise StartRefused(
            "no Redis is named, through which the runners are asked; give --redis URL"
            + (
                ", or --force to do it from here with the accounts' keys"
                if order.wish is not Wish.RUN
                else ""
            )
        )


def _refuse_silent(order: Order, silent: tuple[Role, ...], options: argparse.Namespace) -> None:
    do = "do" if len(silent) > 1 else "does"
    raise StartRefused(
        f"the {_and(silent)} {do} not report, so nobody can be asked to {order.name}. Start "
        f"with `hedgepair {silent[0].label} -f {options.file}`, or do that part from here: "
        f"`hedgepair {order.name} -f {options.file} --force`, which needs the keys"
    )


def _conclude(
    order: Order,
    manifest: HedgePair,
    outcome: Outcome,
    options: argparse.Namespace,
    *,
    silent: tuple[Role, ...],
) -> int:
    from hedgepair_runner.local import demanding

    demand, reports, halts = outcome.demand, outcome.seen.reports, outcome.seen.halts
    if options.output == "json":
        told = demanding.as_json(demand, reports, halts, proved=outcome.proved)
        sys.stdout.write(json.dumps(told) + "\n")
        return int(not outcome.proved)
    pair = str(pair_of(manifest, options.namespace))
    if outcome.proved:
        lines = [order.done.format(pair=pair)]
    else:
        lines = [f"not proved within {options.within:.0f} s; the wish stands and is worked on"]
    lines += [f"  {line}" for line in demanding.leg_lines(demand, reports)]
    if not outcome.proved or halts:
        lines += [f"  {line}" for line in demanding.left_lines(demand, reports, halts)]
    if order.wish is Wish.RUN and silent:
        lines.append(f"  the {_and(silent)} does not report; it counts from the next start")
    elif order.wish is not Wish.RUN and named_redis_url(options, os.environ):
        lines.append(f"  it stays so, also through a restart: `hedgepair resume -f {options.file}`")
    elif order.wish is not Wish.RUN:
        lines.append("  no Redis remembers this: when the pair is started, it quotes again")
    sys.stdout.write("\n".join(lines) + "\n")
    return int(not outcome.proved)


def _and(roles: Sequence[Role]) -> str:
    return " and ".join(role.label for role in roles)
