"""`hedgepair import`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from hedgepair_runner.cli.parsing import parser_of
from hedgepair_runner.contract.spec import Network
from hedgepair_runner.importer import ImportTargets, run_import
from hedgepair_runner.importing import ImportOptions


def main(arguments: Sequence[str]) -> int:
    parser = parser_of(
        "import",
        does=(
            "Turns a Lighter-hedge configuration into a HedgePair manifest, and its private keys "
            "into files as `hedgepair run --secrets DIR` reads them. Says what it left out."
        ),
        example=("hedgepair import config.yaml --market ETH --quantity 0.05 -o pair.yaml"),
    )
    parser.add_argument("config", type=Path, help="the old configuration")
    parser.add_argument("--market", required=True, help="the market to trade, such as ETH")
    parser.add_argument("--quantity", required=True, help="of one maker order, in base units")
    parser.add_argument("--max-position", help="largest position of either account")
    parser.add_argument("--depth", type=int, default=1, help="level of the book (%(default)s)")
    parser.add_argument("--name", default="imported", help="name of the pair (%(default)s)")
    parser.add_argument("--network", choices=[each.value for each in Network])
    parser.add_argument("--chain-id", type=int, help="of an exchange at a URL of its own")
    parser.add_argument("-o", "--output", type=Path, default=Path("pair.yaml"), metavar="FILE")
    parser.add_argument("--secrets", type=Path, default=Path("secrets"), metavar="DIR")
    parser.add_argument("--force", action="store_true", help="replace files that exist")
    options = parser.parse_args(arguments)
    return run_import(
        options.config,
        ImportOptions(
            market=options.market,
            quantity=options.quantity,
            max_position=options.max_position,
            depth=options.depth,
            name=options.name,
            network=None if options.network is None else Network(options.network),
            chain_id=options.chain_id,
        ),
        targets=ImportTargets(
            manifest=options.output, secrets_dir=options.secrets, force=options.force
        ),
        say=sys.stderr.write,
    )
