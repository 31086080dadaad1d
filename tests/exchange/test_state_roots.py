"""One folder for the states of several exchanges: an upgrade begins anew, the way back goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

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
