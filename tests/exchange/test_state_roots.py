"""One folder for the states of several exchanges: an upgrade begins anew, the way back goes on."""

from __future__ import annotations

import pickletools
from dataclasses import replace
from pathlib import Path

from hedgepair_runner.venues.paper import freezing
from hedgepair_runner.venues.paper.assembly import ExchangeOptions, open_state, state_dir_of


def test_another_kind_of_exchange_has_another_folder_and_finds_its_own_again(
    tmp_path: Path,
) -> None:
    one = ExchangeOptions(state_root=tmp_path, state_syncs=False)
    other = replace(one, seed="8")
    seen = []
    for options in (one, other, one):
        folder = state_dir_of(options)
        assert folder is not None
        assert folder.parent == tmp_path
        state = open_state(options, folder)
        seen.append(state.exchange.now_us)
        state.close()
    assert seen[0] == seen[2]
    assert len(list(tmp_path.iterdir())) == 2


def test_a_plain_state_directory_is_itself(tmp_path: Path) -> None:
    assert state_dir_of(ExchangeOptions(state_dir=tmp_path)) == tmp_path
    assert state_dir_of(ExchangeOptions()) is None


def test_a_snapshot_names_enums_by_their_value_whatever_the_python(tmp_path: Path) -> None:
    """Python 3.11.2, Debian's, pickles members by `getattr`; the reader refuses that name."""
    exchange = open_state(ExchangeOptions(state_syncs=False), tmp_path).exchange
    frozen = freezing.freeze(exchange, freezing.Frozen(generation=1, identity={}))
    names = {argument for _, argument, _ in pickletools.genops(frozen.partition(b"\n")[2])}
    assert "getattr" not in names
    assert freezing.thaw(frozen).now_us == exchange.now_us
