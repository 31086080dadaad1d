"""`kubectl hedgepair`: see and steer pairs through the API server, as the user of the kubeconfig.

kubectl finds the command `kubectl-hedgepair` on the PATH by its name. It needs the rights to get,
list and patch HedgePairs, and for force-delete to delete them; nothing of the operator's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

import yaml
from kubernetes.aio import config
from kubernetes.aio.client import Configuration

from hedgepair_operator import plugin_views
from hedgepair_operator.facts import Key, Kind
from hedgepair_operator.kube import Kube, KubeRefused, KubeUnavailable
from hedgepair_operator.plugin_views import NotStanding, Patch, Resource

_PROGRAM: Final = "kubectl hedgepair"
_LOOK_EVERY_S: Final = 1.0
_FAILED, _REFUSED = 1, 2
_EXAMPLES: Final = f"""examples:
  {_PROGRAM} status -A
  {_PROGRAM} suspend eth --wait
  {_PROGRAM} acknowledge eth 3fa9c1d2
"""


class PluginRefused(Exception):
    """The message is the sentence for the user."""


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(_REFUSED, f"{self.prog}: {message}; see `{self.prog} --help`\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """0 done, 1 not done in time, 2 refused."""
    options = _parser().parse_args(arguments)
    try:
        return asyncio.run(_run(options))
    except (PluginRefused, NotStanding) as refused:
        return _refused(str(refused))
    except KubeRefused as refused:
        return _refused(_sentence(refused, options))
    except KubeUnavailable as gone:
        return _refused(f"the API server gave no answer ({gone})")


async def _run(options: argparse.Namespace) -> int:
    verb: Callable[[Pairs, argparse.Namespace], Awaitable[int]] = options.verb
    configuration = Configuration()
    try:
        await config.load_kube_config(
            config_file=options.kubeconfig,
            context=options.context,
            client_configuration=configuration,
        )
        namespace = options.namespace or _namespace_of(options)
    except (config.ConfigException, OSError, yaml.YAMLError) as error:
        raise PluginRefused(f"no usable kubeconfig: {error}") from error
    async with Kube(configuration) as kube:
        return await verb(Pairs(kube, namespace), options)


def _refused(sentence: str) -> int:
    sys.stderr.write(f"{_PROGRAM}: {sentence}\n")
    return _REFUSED


class Pairs:
    """HedgePairs of one namespace. Every method may raise KubeRefused or KubeUnavailable."""

    def __init__(self, kube: Kube, namespace: str) -> None:
        self.namespace = namespace
        self._kube = kube

    async def every(self, *, everywhere: bool) -> list[Resource]:
        found: list[Resource] = []
        namespace = None if everywhere else self.namespace
        async for items, _ in self._kube.pages(Kind.PAIR, namespace):
            found += items
        return found

    async def one(self, name: str) -> Resource:
        found = await self._kube.get(Kind.PAIR, Key(self.namespace, name))
        if found is None:
            raise PluginRefused(
                f"there is no HedgePair {name} in namespace {self.namespace}; "
                f"`{_PROGRAM} status -A` lists all"
            )
        return found

    async def patch(self, name: str, patch: Patch) -> None:
        await self._kube.merge_patch(Kind.PAIR, Key(self.namespace, name), patch)

    async def delete(self, resource: Resource) -> None:
        """That very object."""
        meta = resource["metadata"]
        key = Key(self.namespace, meta["name"])
        await self._kube.delete(Kind.PAIR, key, uid=meta["uid"])


def _namespace_of(options: argparse.Namespace) -> str:
    """Of the context, as kubectl takes it."""
    contexts, active = config.list_kube_config_contexts(config_file=options.kubeconfig)
    named = next((each for each in contexts if each["name"] == options.context), active)
    return str((named.get("context") or {}).get("namespace") or "default")


# -- verbs ----------------------------------------------------------------------------------------


async def _show(pairs: Pairs, options: argparse.Namespace) -> int:
    if options.name:
        resource = await pairs.one(options.name)
        _tell(resource, plugin_views.details(resource), options)
        return 0
    found = await pairs.every(everywhere=options.all_namespaces)
    lines = plugin_views.table(found, with_namespace=options.all_namespaces)
    where = "any namespace" if options.all_namespaces else f"namespace {pairs.namespace}"
    _tell({"items": found}, lines if found else [f"No HedgePair in {where}."], options)
    return 0


async def _suspend(pairs: Pairs, options: argparse.Namespace) -> int:
    await pairs.patch(options.name, plugin_views.suspended(flatten=options.flatten))
    aim = "flat" if options.flatten else "suspended"
    return await _waited(pairs, options, plugin_views.is_suspended, aim)


async def _resume(pairs: Pairs, options: argparse.Namespace) -> int:
    await pairs.patch(options.name, plugin_views.resumed())
    return await _waited(pairs, options, plugin_views.is_resumed, "no longer suspended")


async def _acknowledge(pairs: Pairs, options: argparse.Namespace) -> int:
    await pairs.patch(
        options.name, plugin_views.acknowledged(await pairs.one(options.name), options.halt_id)
    )
    sys.stdout.write(
        f"halt {options.halt_id} of {options.name} is acknowledged; its runners take note\n"
    )
    return 0


async def _restart(pairs: Pairs, options: argparse.Namespace) -> int:
    await pairs.patch(options.name, plugin_views.restarted(datetime.now(UTC)))
    sys.stdout.write(f"{options.name} is restarted in order, by its rolloutPolicy\n")
    return 0


async def _force_delete(pairs: Pairs, options: argparse.Namespace) -> int:
    if not options.yes:
        raise PluginRefused(
            f"force-delete lets {options.name} go without any proof: its orders may rest and its "
            "positions stay. Look at both accounts on the exchange, then add --yes"
        )
    resource = await pairs.one(options.name)
    await pairs.patch(options.name, plugin_views.forced_to_go())
    await pairs.delete(resource)
    sys.stdout.write(f"{options.name} is let go without proof: look at the exchange yourself\n")
    return 0


async def _waited(
    pairs: Pairs,
    options: argparse.Namespace,
    is_so: Callable[[Resource], bool],
    aim: str,
) -> int:
    if not options.wait:
        sys.stdout.write(f"{options.name}: asked; see `{_PROGRAM} status {options.name}`\n")
        return 0
    deadline_s = time.monotonic() + options.timeout
    while True:
        resource = await pairs.one(options.name)
        if is_so(resource):
            sys.stdout.write(f"{options.name} is {aim}\n")
            return 0
        if time.monotonic() > deadline_s:
            lines = "\n".join(plugin_views.details(resource))
            sys.stderr.write(f"{options.name} is not {aim} after {options.timeout} s\n{lines}\n")
            return _FAILED
        await asyncio.sleep(_LOOK_EVERY_S)


def _tell(resource: Any, lines: Sequence[str], options: argparse.Namespace) -> None:
    if options.output == "json":
        sys.stdout.write(json.dumps(resource) + "\n")
    else:
        sys.stdout.write("\n".join(lines) + "\n")


def _sentence(refused: KubeRefused, options: argparse.Namespace) -> str:
    if refused.is_missing:
        name = getattr(options, "name", None)
        what = f"HedgePair {name}" if name else "resource HedgePair: install its definition first"
        return f"the API server has no {what}; `{_PROGRAM} status -A` lists all"
    return f"the API server refused ({refused.status}): {refused.why or refused.reason}"


# -- options --------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog=_PROGRAM,
        description="See and steer HedgePairs through the API server.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    status = _verb(verbs, "status", _show, "what the operator says of one pair, or of all")
    status.add_argument("name", nargs="?")
    status.add_argument("-A", "--all-namespaces", action="store_true")
    status.add_argument("-o", "--output", choices=("table", "json"), default="table")
    suspend = _verb(verbs, "suspend", _suspend, "withdraws the orders; positions stay")
    suspend.add_argument("--flatten", action="store_true", help="close both positions, too")
    _waiting(suspend)
    flatten = _verb(verbs, "flatten", _suspend, "suspends and closes both positions")
    flatten.set_defaults(flatten=True)
    _waiting(flatten)
    _waiting(_verb(verbs, "resume", _resume, "lets it quote again"))
    acknowledge = _verb(verbs, "acknowledge", _acknowledge, "ends one halt, by its id")
    restart = _verb(verbs, "restart", _restart, "restarts both runners in order")
    force = _verb(verbs, "force-delete", _force_delete, "deletes without proof (break glass)")
    force.add_argument("--yes", action="store_true", help="you looked at the exchange")
    for each in (suspend, flatten, acknowledge, restart, force):
        each.add_argument("name")
    acknowledge.add_argument("halt_id", metavar="HALT_ID")
    return parser


def _verb(
    verbs: Any, name: str, run: Callable[..., Awaitable[int]], does: str
) -> argparse.ArgumentParser:
    verb: argparse.ArgumentParser = verbs.add_parser(name, help=does, description=does)
    verb.set_defaults(verb=run)
    verb.add_argument("-n", "--namespace", help="instead of the context's")
    verb.add_argument("--context", help="of the kubeconfig")
    verb.add_argument("--kubeconfig", help="instead of $KUBECONFIG")
    if name == "resume":
        verb.add_argument("name")
    return verb


def _waiting(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--wait", action="store_true", help="until it is proved")
    verb.add_argument("--timeout", type=int, default=300, metavar="SECONDS")


if __name__ == "__main__":
    sys.exit(main())
