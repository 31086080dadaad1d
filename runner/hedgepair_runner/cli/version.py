"""`hedgepair version`."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Sequence

from hedgepair_runner.cli.parsing import parser_of
from hedgepair_runner.cli.versions import own_version, version_of

_RUNS_ON = ("lighter-sdk", "redis", "uvloop")


def main(arguments: Sequence[str]) -> int:
    parser = parser_of(
        "version",
        does="Prints the versions of HedgePair and of what it runs on.",
        example="hedgepair version --json",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args(arguments)
    versions = {"hedgepair": own_version(), "python": platform.python_version()}
    versions |= {name: version_of(name) or "not installed" for name in _RUNS_ON}
    if options.json:
        sys.stdout.write(json.dumps(versions) + "\n")
    else:
        width = max(map(len, versions))
        sys.stdout.writelines(f"{name:<{width}}  {found}\n" for name, found in versions.items())
    return 0
