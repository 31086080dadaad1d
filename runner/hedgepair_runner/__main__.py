"""The `hedgepair` command: finds the command's module and calls it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence

from hedgepair_runner.cli import commands
from hedgepair_runner.refusals import StartRefused

_EXIT_REFUSED = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0 done, 1 failed, 2 refused with a sentence, 130 interrupted."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in ("-h", "--help", "help"):
        sys.stdout.write(commands.overview())
        return 0 if words else _EXIT_REFUSED
    if words[0] == "--version":
        words[0] = "version"
    command = commands.find(words[0])
    if command is None:
        sys.stderr.write(commands.unknown(words[0]))
        return _EXIT_REFUSED
    run: Callable[[Sequence[str]], int] = importlib.import_module(command.module).main
    try:
        return run(words[1:])
    except StartRefused as refusal:
        from hedgepair_runner.lifecycle import exit_code_of

        return exit_code_of(refusal)


if __name__ == "__main__":
    sys.exit(main())
