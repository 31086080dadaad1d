"""Options as people write them, refused with a sentence and exit code 2."""

from __future__ import annotations

import argparse
import difflib
import re
import textwrap
from typing import Any, Final, NoReturn

from hedgepair_runner.cli.commands import PROGRAM

_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)?")
_SECONDS_IN: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_WIDTH: Final = 80
_HIGHEST_PORT: Final = 65_535


class SentenceParser(argparse.ArgumentParser):
    """Says in one sentence what is wrong, and guesses at a mistyped option."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}{self._guess(message)}; see `{self.prog} --help`\n")

    def _guess(self, message: str) -> str:
        _, found, names = message.partition("unrecognized arguments: ")
        known = [option for action in self._actions for option in action.option_strings]
        option = names.split(" ")[0].split("=")[0]
        near = difflib.get_close_matches(option, known, n=1) if found else []
        return f" (did you mean {near[0]}?)" if near else ""


def parser_of(command: str, *, does: str, example: str, **extra: Any) -> SentenceParser:
    """A parser whose help ends with an example that works as it stands."""
    return SentenceParser(
        prog=f"{PROGRAM} {command}",
        description=textwrap.fill(does, _WIDTH),
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        **extra,
    )


def duration_s(words: str) -> float:
    """`20`, `20s`, `1.5m`, `2h`, `500ms` in seconds."""
    match = _DURATION.fullmatch(words.strip())
    if match is None or float(match[1]) == 0:
        raise argparse.ArgumentTypeError(f"{words!r} is no duration; write 20s, 5m or 1h")
    return float(match[1]) * _SECONDS_IN[match[2] or "s"]


def host_and_port(words: str) -> tuple[str, int]:
    """`127.0.0.1:8080`, `:8080` (all addresses) or `[::1]:0`."""
    host, colon, port = words.rpartition(":")
    if not colon or not port.isdigit() or int(port) > _HIGHEST_PORT:
        raise argparse.ArgumentTypeError(
            f"{words!r} is no address; write HOST:PORT, such as 127.0.0.1:8080"
        )
    return host.removeprefix("[").removesuffix("]") or "0.0.0.0", int(port)
