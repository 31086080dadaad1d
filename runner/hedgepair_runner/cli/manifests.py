"""The manifest that a command was given: read, or refused with everything that is wrong."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from hedgepair_runner.contract.identity import PairId, Role
from hedgepair_runner.contract.manifest import HedgePair, load_manifest
from hedgepair_runner.contract.problems import ManifestRefused
from hedgepair_runner.refusals import StartRefused


def add_manifest_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-f",
        "--file",
        required=True,
        type=Path,
        metavar="FILE",
        help="the HedgePair manifest (-: stdin)",
    )
    parser.add_argument("--namespace", help="overrides the manifest's namespace")


def read_manifest(path: Path) -> HedgePair:
    """`-` reads standard input. Raises StartRefused."""
    try:
        is_piped = str(path) == "-"
        return load_manifest(sys.stdin.read() if is_piped else path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StartRefused(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise StartRefused(f"{path} is no text in UTF-8; is it the manifest?") from error
    except ManifestRefused as refused:
        sentences = "".join(f"\n  {problem.sentence}" for problem in refused.problems)
        raise StartRefused(f"{path} is refused:{sentences}") from refused


def pair_of(manifest: HedgePair, namespace: str | None) -> PairId:
    return PairId(namespace=namespace or manifest.namespace, pairing=manifest.pairing)


def roles_in(manifest: HedgePair) -> tuple[Role, ...]:
    """The roles that the manifest's mode runs."""
    runs = {Role.MAKER: manifest.spec.runs_maker, Role.HEDGER: manifest.spec.runs_hedger}
    return tuple(role for role, is_run in runs.items() if is_run)
