"""`hedgepair-operator`: one process that keeps all HedgePairs of a release."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Final

from hedgepair_operator import lean_imports
from hedgepair_operator.logs import log_to_stderr
from hedgepair_operator.settings import (
    PREFIX,
    VARIABLES,
    OperatorSettings,
    SettingsRefused,
    read_settings,
)

EXIT_CRASHED: Final = 1
EXIT_REFUSED: Final = 2
logger = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """0: stopped as asked. 1: something failed, and Kubernetes starts it again. 2: bad settings."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        settings = read_settings(_with_namespace(os.environ), version=version("hedgepair"))
    except SettingsRefused as refused:
        sys.stderr.write(f"hedgepair-operator: {refused}\n")
        return EXIT_REFUSED
    if options.check:
        sys.stdout.write("the settings are complete\n")
        return 0
    log_to_stderr(settings.log_level)
    return asyncio.run(_serve(settings))


async def _serve(settings: OperatorSettings) -> int:
    # Imported here: `--help` and refused settings answer at once.
    lean_imports.prepare()
    from hedgepair_operator.login import read_login
    from hedgepair_operator.service import Service

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    serving = asyncio.ensure_future(Service(settings=settings, read_login=read_login).run(stop))
    # Whatever it was: it ends the process, and the log says it once.
    await asyncio.wait([serving])
    error = serving.exception()
    if error is None:
        return 0
    logger.critical("crashed", exc_info=error)
    return EXIT_CRASHED


def _with_namespace(environ: Mapping[str, str]) -> Mapping[str, str]:
    name = f"{PREFIX}NAMESPACE"
    found = environ.get(name) or own_namespace()
    return {**environ, name: found} if found else environ


def own_namespace() -> str | None:
    """Of the pod, where the downward API did not tell."""
    mounted = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
    return mounted.read_text(encoding="utf-8").strip() if mounted.is_file() else None


def _parser() -> argparse.ArgumentParser:
    words = "\n".join(f"  {PREFIX}{name:<24}{text}" for name, text in VARIABLES.items())
    parser = argparse.ArgumentParser(
        prog="hedgepair-operator",
        description="Keeps the HedgePairs of a release running, reported and safely removable.",
        epilog=f"All settings come from the environment, as the chart sets them:\n{words}\n\n"
        "example:\n  HEDGEPAIR_NAMESPACE=hedgepair HEDGEPAIR_RUNNER_IMAGE=hedgepair:dev "
        "HEDGEPAIR_REDIS_URL_FILE=url HEDGEPAIR_REDIS_MASTER_FILE=master "
        "hedgepair-operator --check",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--check", action="store_true", help="check the settings, and end")
    parser.add_argument("--version", action="version", version=version("hedgepair"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
