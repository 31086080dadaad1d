"""Mainnet is refused without a good probe record, by the very command that makes one."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from hedgepair_runner.__main__ import main
from hedgepair_runner.probe_files import load_records, save_record
from hedgepair_runner.probe_records import ProbeRecord
from hedgepair_runner.probing import Check, Finding, Status
from hedgepair_runner.venues.lighter.signer import SDK_VERSION

ROOT = Path(__file__).parents[2]
MAKER, HEDGER = 201, 202
Captured = pytest.CaptureFixture[str]


@pytest.fixture
def mainnet(tmp_path: Path) -> Path:
    file = tmp_path / "pair.yaml"
    testnet = (ROOT / "examples" / "testnet.yaml").read_text(encoding="utf-8")
    file.write_text(testnet.replace("network: Testnet", "network: Mainnet"))
    return file


def record(account_index: int) -> ProbeRecord:
    return ProbeRecord(
        made_ms=time.time_ns() // 1_000_000,
        made_at="now",
        hedgepair_version="0.1.0",
        sdk_version=SDK_VERSION,
        network="Mainnet",
        chain_id=304,
        account_index=account_index,
        api_key_index=4,
        market="ETH",
        findings=tuple(
            Finding(check=check, status=Status.HOLDS, saw="as counted on") for check in Check
        ),
    )


def refusal(words: list[str], capsys: Captured) -> str:
    assert main(words) == 2
    return capsys.readouterr().err


@pytest.mark.parametrize("command", ["run", "maker", "hedger"])
def test_without_a_record_the_sentence_is_the_command_to_run(
    command: str, mainnet: Path, tmp_path: Path, capsys: Captured
) -> None:
    said = refusal([command, "-f", str(mainnet), "--probes", str(tmp_path)], capsys)

    assert f"Run `hedgepair probe -f {mainnet} --probes {tmp_path}` first" in said
    assert "has no probe record for Mainnet" in said


def test_the_command_names_the_secrets_that_were_given(
    mainnet: Path, tmp_path: Path, capsys: Captured
) -> None:
    words = ["maker", "-f", str(mainnet), "--probes", str(tmp_path), "--secrets", "keys"]

    assert f"probe -f {mainnet} --secrets keys --probes {tmp_path}`" in refusal(words, capsys)


def test_with_a_record_of_its_account_a_role_gets_past_the_gate(
    mainnet: Path, tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HEDGEPAIR_REDIS_URL", raising=False)
    monkeypatch.setenv("HEDGEPAIR_PROBES", str(tmp_path / "probes"))
    save_record(tmp_path / "probes", record(MAKER))

    assert "no Redis is named" in refusal(["maker", "-f", str(mainnet)], capsys)
    assert f"account {HEDGER} has no probe record" in refusal(
        ["hedger", "-f", str(mainnet)], capsys
    )
    assert f"account {HEDGER} has no probe record" in refusal(["run", "-f", str(mainnet)], capsys)


def test_a_file_that_is_no_record_is_passed_over(tmp_path: Path) -> None:
    good = record(MAKER)
    save_record(tmp_path, replace(good, made_ms=1))
    path = save_record(tmp_path, good)
    (tmp_path / "notes.json").write_text("{")

    assert load_records(tmp_path) == (good,)
    assert path.name == f"Mainnet-304-{MAKER}-{SDK_VERSION}.json"


def test_probing_mainnet_asks_first_and_needs_yes_without_a_terminal(
    mainnet: Path, tmp_path: Path, capsys: Captured
) -> None:
    said = refusal(["probe", "-f", str(mainnet), "--probes", str(tmp_path)], capsys)

    assert f"account {MAKER} and {HEDGER}" in said
    assert "add --yes" in said
    assert list(tmp_path.glob("*.json")) == []
