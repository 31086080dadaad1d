"""The commands by name. Each is a module with `main(arguments) -> exit code`."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Final

PROGRAM: Final = "hedgepair"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    name: str
    module: str
    does: str


COMMANDS: Final = (
    Command(
        name="demo",
        module="hedgepair_runner.cli.demo",
        does="shows a whole pair at work on the paper exchange, in this terminal",
    ),
    Command(
        name="run",
        module="hedgepair_runner.cli.run",
        does="runs a pair in this process; Redis and paper exchange are embedded",
    ),
    Command(
        name="maker",
        module="hedgepair_runner.cli.maker",
        does="runs a pair's maker: what the maker pod runs",
    ),
    Command(
        name="hedger",
        module="hedgepair_runner.cli.hedger",
        does="runs a pair's hedger: what the hedger pod runs",
    ),
    Command(
        name="exchange",
        module="hedgepair_runner.cli.exchange",
        does="runs the paper exchange, which speaks Lighter's protocol",
    ),
    Command(
        name="status",
        module="hedgepair_runner.cli.status",
        does="shows what both runners of a pair report",
    ),
    Command(
        name="top",
        module="hedgepair_runner.cli.top",
        does="a live view of one or several pairs",
    ),
    Command(
        name="cancel",
        module="hedgepair_runner.cli.cancel",
        does="withdraws a pair's orders now, and waits for the proof",
    ),
    Command(
        name="flatten",
        module="hedgepair_runner.cli.flatten",
        does="withdraws a pair's orders and closes both positions, and waits for the proof",
    ),
    Command(
        name="resume",
        module="hedgepair_runner.cli.resume",
        does="lets a pair quote again after `cancel` or `flatten`",
    ),
    Command(
        name="acknowledge",
        module="hedgepair_runner.cli.acknowledge",
        does="ends one halt of a pair, by its id",
    ),
    Command(
        name="doctor",
        module="hedgepair_runner.cli.doctor",
        does="looks whether all that a pair stands on is well, and says what to do",
    ),
    Command(
        name="probe",
        module="hedgepair_runner.cli.probe",
        does="checks on your own account what HedgePair counts on; Mainnet needs its record",
    ),
    Command(
        name="receipts",
        module="hedgepair_runner.cli.receipts",
        does="shows what each order did, why and at which cost; their sum; and alarms",
    ),
    Command(
        name="audit",
        module="hedgepair_runner.cli.audit",
        does="checks a pair by the venue's records alone: was every fill hedged exactly once",
    ),
    Command(
        name="drill",
        module="hedgepair_runner.cli.drill",
        does="lets things go wrong for a pair on the paper exchange, and judges how it fares",
    ),
    Command(
        name="import",
        module="hedgepair_runner.cli.importing",
        does="turns a Lighter-hedge configuration into a HedgePair manifest",
    ),
    Command(
        name="version",
        module="hedgepair_runner.cli.version",
        does="prints the versions of HedgePair and of what it runs on",
    ),
)


def find(name: str) -> Command | None:
    return next((command for command in COMMANDS if command.name == name), None)


def overview() -> str:
    """What `hedgepair --help` prints."""
    width = max(len(command.name) for command in COMMANDS)
    lines = "\n".join(f"  {command.name:<{width}}  {command.does}" for command in COMMANDS)
    return (
        f"usage: {PROGRAM} COMMAND [options]\n\n"
        "Rests maker orders on one Lighter account and hedges each fill on a second one.\n\n"
        f"commands:\n{lines}\n\n"
        f"`{PROGRAM} COMMAND --help` shows a command's options and an example.\n\n"
        f"example:\n  {PROGRAM} demo\n"
    )


def unknown(name: str) -> str:
    """The sentence for a command that does not exist."""
    near = difflib.get_close_matches(name, [command.name for command in COMMANDS], n=1)
    guess = f"did you mean `{PROGRAM} {near[0]}`?" if near else f"`{PROGRAM} --help` lists them."
    return f"{PROGRAM}: there is no command {name!r}; {guess}\n"
