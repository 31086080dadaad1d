"""A Lighter-hedge configuration becomes a manifest, its keys, and notes on what is left."""

from __future__ import annotations

import stat
from decimal import Decimal
from pathlib import Path

import pytest

from hedgepair_runner.contract.credentials import PrivateKey, resolve_key
from hedgepair_runner.contract.manifest import load_manifest
from hedgepair_runner.contract.spec import Network
from hedgepair_runner.importer import ImportTargets, run_import
from hedgepair_runner.importing import ImportOptions, ImportRefused, import_config
from tests.contract.pairs import PRIVATE_KEY

OTHER_KEY = "0x" + "17" * 40
CONFIG = f"""
lighter:
  base_url: "https://mainnet.zklighter.elliot.ai"
  maker_order_time_out: 60
redis:
  host: "127.0.0.1"
  port: 6380
  db: 2
  password: hunter2
accounts:
  account_a:
    account_index: 1001
    api_key_index: 5
    api_key_private_key: {PRIVATE_KEY}
  account_b:
    account_index: 1002
    api_key_index: 6
    api_key_private_key: "{OTHER_KEY}"
strategy:
  poll_interval: 5
  retry_times: 3
"""
ETH = ImportOptions(market="ETH", quantity="0.05", name="eth")


def test_accounts_network_and_timeout_are_carried_over() -> None:
    imported = import_config(CONFIG, ETH)
    pair = load_manifest(imported.manifest)

    assert pair.spec.hedger is not None
    maker, hedger = pair.spec.maker.account, pair.spec.hedger.account
    assert (pair.name, pair.spec.market, pair.spec.quantity) == ("eth", "ETH", Decimal("0.05"))
    assert pair.spec.exchange.network is Network.MAINNET
    assert pair.spec.exchange.url is None
    assert pair.spec.timeout_seconds == 60
    assert (maker.account_index, maker.api_key_index) == (1001, 5)
    assert (hedger.account_index, hedger.api_key_index) == (1002, 6)
    assert pair.spec.risk.max_position == Decimal("0.05")


def test_keys_go_into_the_secrets_that_the_manifest_names() -> None:
    imported = import_config(CONFIG, ETH)

    assert imported.secrets == {
        "eth-maker/apiKeyPrivateKey": PrivateKey(PRIVATE_KEY),
        "eth-hedger/apiKeyPrivateKey": PrivateKey(OTHER_KEY),
    }
    told = f"{imported!r} {imported.manifest} {imported.notes}".lower()
    for secret in (PRIVATE_KEY[2:].lower(), OTHER_KEY[2:], "hunter2"):
        assert secret not in told


@pytest.mark.parametrize(
    "note",
    [
        "use `--redis redis://127.0.0.1:6380/2`",
        "The Redis password was not copied",
        "poll_interval is not needed",
        "retry_times is not needed",
        "risk.maxPosition is one quantity",
    ],
)
def test_what_is_not_carried_over_is_noted(note: str) -> None:
    assert any(note in told for told in import_config(CONFIG, ETH).notes)


def test_the_options_are_kept() -> None:
    options = ImportOptions(
        market="BTC", quantity="0.001", depth=3, max_position="0.1", network=Network.TESTNET
    )

    imported = import_config(CONFIG, options)
    pair = load_manifest(imported.manifest)

    assert (pair.name, pair.spec.market, pair.spec.depth) == ("imported", "BTC", 3)
    assert pair.spec.risk.max_position == Decimal("0.1")
    assert pair.spec.exchange.network is Network.TESTNET
    assert any("for Mainnet, the manifest for Testnet" in note for note in imported.notes)


def test_paper_needs_no_keys() -> None:
    imported = import_config(
        CONFIG, ImportOptions(market="ETH", quantity="0.05", network=Network.PAPER)
    )

    assert imported.secrets == {}
    assert "secretRef" not in imported.manifest
    assert any("were not copied" in note for note in imported.notes)


def test_testnet_is_known_by_its_address() -> None:
    config = CONFIG.replace("https://mainnet", "https://testnet")

    assert load_manifest(import_config(config, ETH).manifest).spec.exchange.network == "Testnet"


def test_an_address_of_ones_own_needs_its_chain_id() -> None:
    config = CONFIG.replace("https://mainnet.zklighter.elliot.ai", "https://gateway.example/")
    on_testnet = ImportOptions(market="ETH", quantity="0.05", network=Network.TESTNET)
    with_chain = ImportOptions(market="ETH", quantity="0.05", network=Network.TESTNET, chain_id=300)

    with pytest.raises(ImportRefused, match="--network"):
        import_config(config, ETH)
    with pytest.raises(ImportRefused, match="--chain-id"):
        import_config(config, on_testnet)
    exchange = load_manifest(import_config(config, with_chain).manifest).spec.exchange
    assert (exchange.url, exchange.chain_id) == ("https://gateway.example", 300)


@pytest.mark.parametrize(
    ("old", "seconds"), [("59.2", 60), ("0.5", 1), ("86400", 3600), ("'45'", 45)]
)
def test_a_timeout_becomes_whole_seconds_within_the_limits(old: str, seconds: int) -> None:
    config = CONFIG.replace("maker_order_time_out: 60", f"maker_order_time_out: {old}")

    imported = import_config(config, ETH)

    assert load_manifest(imported.manifest).spec.timeout_seconds == seconds
    assert any("timeoutSeconds" in note for note in imported.notes) == (old != "'45'")


@pytest.mark.parametrize("key", ["your_private_key", "", "0xabcd", "~"])
def test_a_placeholder_for_a_key_is_noted_and_not_written(key: str) -> None:
    imported = import_config(CONFIG.replace(f'"{OTHER_KEY}"', key), ETH)

    assert list(imported.secrets) == ["eth-maker/apiKeyPrivateKey"]
    assert any("put the key into eth-hedger/apiKeyPrivateKey" in note for note in imported.notes)
    assert "eth-hedger" in imported.manifest


def test_fields_of_nobody_are_noted_by_name_alone() -> None:
    config = CONFIG + "telegram:\n  bot: hunter2\n"
    config = config.replace("  retry_times: 3", "  retry_times: 3\n  leverage: hunter2")

    notes = import_config(config, ETH).notes

    assert any(note.startswith("telegram was not carried over") for note in notes)
    assert any(note.startswith("strategy.leverage was not carried over") for note in notes)
    assert "hunter2" not in str(notes)


@pytest.mark.parametrize(
    ("config", "options", "words"),
    [
        pytest.param("", ETH, "is not a Lighter-hedge configuration", id="empty"),
        pytest.param("a: [hunter2", ETH, "not valid YAML", id="no YAML"),
        pytest.param("lighter: {}", ETH, "needs accounts with account_a", id="no accounts"),
        pytest.param(
            CONFIG.replace("account_index: 1002", "account_index: B"),
            ETH,
            "accounts.account_b.account_index is not a whole number",
            id="account by letter",
        ),
        pytest.param(
            CONFIG.replace("api_key_index: 5", "other: 5"),
            ETH,
            "accounts.account_a.api_key_index is missing",
            id="no key index",
        ),
        pytest.param(
            CONFIG.replace("1002", "1001"), ETH, "a pair needs two accounts", id="one account"
        ),
        pytest.param(
            CONFIG.replace("time_out: 60", "time_out: soon"), ETH, "a number of seconds", id="soon"
        ),
        pytest.param(
            CONFIG,
            ImportOptions(market="ETH", quantity="-1"),
            "spec.quantity must be a decimal number",
            id="negative quantity",
        ),
        pytest.param(
            CONFIG.replace("https://mainnet.zklighter.elliot.ai", "https://[x"),
            ETH,
            "lighter.base_url is not the address",
            id="broken address",
        ),
    ],
)
def test_a_configuration_that_cannot_be_used_is_refused_with_a_sentence(
    config: str, options: ImportOptions, words: str
) -> None:
    with pytest.raises(ImportRefused) as refused:
        import_config(config, options)

    assert words in str(refused.value)
    for secret in ("hunter2", PRIVATE_KEY, OTHER_KEY):
        assert secret not in str(refused.value)


def imported_files(folder: Path, *, force: bool = False) -> tuple[int, str]:
    said: list[str] = []
    targets = ImportTargets(
        manifest=folder / "pair.yaml", secrets_dir=folder / "secrets", force=force
    )
    code = run_import(folder / "config.yaml", ETH, targets=targets, say=said.append)
    return code, "".join(said)


def test_the_files_are_written_and_work_together(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)

    code, said = imported_files(tmp_path)

    pair = load_manifest((tmp_path / "pair.yaml").read_text())
    secret_ref = pair.spec.maker.account.secret_ref
    assert secret_ref is not None
    found = resolve_key(secret_ref, secrets_dir=tmp_path / "secrets", environ={})
    assert (code, found.key, found.warning) == (0, PrivateKey(PRIVATE_KEY), None)
    assert f"wrote {tmp_path}/pair.yaml\n" in said
    assert "note: poll_interval" in said
    assert PRIVATE_KEY[2:].lower() not in said.lower()


def test_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)

    imported_files(tmp_path)

    modes = {
        str(path.relative_to(tmp_path)): stat.S_IMODE(path.stat().st_mode)
        for path in (tmp_path / "pair.yaml", *sorted((tmp_path / "secrets").rglob("*")))
    }
    assert modes == {
        "pair.yaml": 0o644,
        "secrets/eth-hedger": 0o700,
        "secrets/eth-hedger/apiKeyPrivateKey": 0o600,
        "secrets/eth-maker": 0o700,
        "secrets/eth-maker/apiKeyPrivateKey": 0o600,
    }
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700


def test_nothing_is_overwritten_without_force(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "pair.yaml").write_text("mine")

    code, said = imported_files(tmp_path)

    assert (code, (tmp_path / "pair.yaml").read_text()) == (2, "mine")
    assert "use --force to replace it" in said
    assert not (tmp_path / "secrets").exists()


def test_with_force_the_files_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "pair.yaml").write_text("mine")

    code, _ = imported_files(tmp_path, force=True)
    again, _ = imported_files(tmp_path, force=True)

    assert (code, again) == (0, 0)
    assert load_manifest((tmp_path / "pair.yaml").read_text()).name == "eth"


def test_the_configuration_itself_is_never_overwritten(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG)
    said: list[str] = []
    targets = ImportTargets(manifest=config, secrets_dir=tmp_path / "secrets", force=True)

    code = run_import(config, ETH, targets=targets, say=said.append)

    assert (code, config.read_text()) == (2, CONFIG)
    assert "is the configuration itself" in said[0]


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"], ids=["absent", "binary"])
def test_an_unreadable_configuration_is_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "config.yaml").write_bytes(content)

    code, said = imported_files(tmp_path)

    assert code == 2
    assert str(tmp_path / "config.yaml") in said


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "secrets").write_text("a file")

    code, said = imported_files(tmp_path)

    assert code == 2
    assert "cannot be written" in said
