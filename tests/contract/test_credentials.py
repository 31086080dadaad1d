"""Where a private key is found, and that it never shows (law 9)."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest

from hedgepair_runner.contract.credentials import (
    KeyUnavailable,
    PrivateKey,
    resolve_key,
    variable_of,
)
from hedgepair_runner.contract.spec import SecretRef
from tests.contract.pairs import PRIVATE_KEY

REF = SecretRef.model_validate({"name": "lighter-maker"})
VARIABLE = "HEDGEPAIR_SECRET_LIGHTER_MAKER_APIKEYPRIVATEKEY"


def write_key(folder: Path, text: str, *, mode: int = 0o600) -> Path:
    path = folder / "lighter-maker" / "apiKeyPrivateKey"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(PRIVATE_KEY, id="with 0x"),
        pytest.param(PRIVATE_KEY[2:], id="without 0x"),
        pytest.param(f"  {PRIVATE_KEY}\n", id="with a line end"),
        pytest.param(PRIVATE_KEY.lower(), id="in small letters"),
    ],
)
def test_a_key_is_read_from_the_folder_of_its_secret(tmp_path: Path, text: str) -> None:
    path = write_key(tmp_path, text)

    found = resolve_key(REF, secrets_dir=tmp_path, environ={})

    assert found.key.reveal() == PRIVATE_KEY.lower()
    assert (found.source, found.warning) == (str(path), None)


def test_a_key_is_read_through_the_links_of_a_mounted_secret(tmp_path: Path) -> None:
    mounted = tmp_path / "lighter-maker"
    (mounted / "..2026").mkdir(parents=True)
    (mounted / "..2026" / "apiKeyPrivateKey").write_text(PRIVATE_KEY)
    (mounted / "..2026" / "apiKeyPrivateKey").chmod(0o440)
    (mounted / "..data").symlink_to("..2026")
    (mounted / "apiKeyPrivateKey").symlink_to("..data/apiKeyPrivateKey")

    found = resolve_key(REF, secrets_dir=tmp_path, environ={})

    assert (found.key, found.warning) == (PrivateKey(PRIVATE_KEY), None)


@pytest.mark.parametrize("with_folder", [True, False])
def test_the_environment_stands_in_for_a_missing_file(tmp_path: Path, with_folder: bool) -> None:
    found = resolve_key(
        REF, secrets_dir=tmp_path if with_folder else None, environ={VARIABLE: PRIVATE_KEY}
    )

    assert (found.key, found.source) == (PrivateKey(PRIVATE_KEY), VARIABLE)


def test_the_folder_comes_before_the_environment(tmp_path: Path) -> None:
    write_key(tmp_path, PRIVATE_KEY)

    found = resolve_key(REF, secrets_dir=tmp_path, environ={VARIABLE: "0x" + "00" * 40})

    assert found.key == PrivateKey(PRIVATE_KEY)


def test_the_variable_has_no_characters_that_a_shell_refuses() -> None:
    ref = SecretRef.model_validate({"name": "desk-a.eth-1", "key": "api.key_1"})

    assert variable_of(ref) == "HEDGEPAIR_SECRET_DESK_A_ETH_1_API_KEY_1"


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602])
def test_a_key_that_everybody_may_reach_is_warned_of(tmp_path: Path, mode: int) -> None:
    path = write_key(tmp_path, PRIVATE_KEY, mode=mode)

    found = resolve_key(REF, secrets_dir=tmp_path, environ={})

    assert found.warning == f"Every user of this machine may read {path}: run `chmod 600 {path}`."


def test_a_missing_key_is_told_with_both_places(tmp_path: Path) -> None:
    with pytest.raises(KeyUnavailable) as unavailable:
        resolve_key(REF, secrets_dir=tmp_path, environ={})

    assert f"there is no file {tmp_path}/lighter-maker/apiKeyPrivateKey" in str(unavailable.value)
    assert f"or set {VARIABLE}" in str(unavailable.value)


def test_without_a_folder_the_option_is_named() -> None:
    with pytest.raises(KeyUnavailable, match="no --secrets DIR was given"):
        resolve_key(REF, secrets_dir=None, environ={})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("", "is empty", id="empty"),
        pytest.param("\n", "is empty", id="a line end"),
        pytest.param("hunter2", "does not hold the private key", id="a password"),
        pytest.param(PRIVATE_KEY[:-1], "0x and 80 hexadecimal digits", id="a digit short"),
        pytest.param(PRIVATE_KEY + "0", "0x and 80 hexadecimal digits", id="a digit long"),
        pytest.param("0x" + "ab" * 32, "An Ethereum key, with 64", id="an Ethereum key"),
        pytest.param(PRIVATE_KEY[:-1] + "g", "copy it again", id="not hexadecimal"),
        pytest.param("ä" * 40, "copy it again", id="not text"),
        pytest.param("0" * 9000, "copy it again", id="a large file"),
    ],
)
def test_a_wrong_key_is_refused_without_showing_it(tmp_path: Path, text: str, words: str) -> None:
    path = write_key(tmp_path, text)

    with pytest.raises(KeyUnavailable) as unavailable:
        resolve_key(REF, secrets_dir=tmp_path, environ={})

    assert words in str(unavailable.value)
    assert str(path) in str(unavailable.value)
    assert not text.strip() or text.strip() not in repr(unavailable.value)


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lighter-maker" / "apiKeyPrivateKey").mkdir(parents=True)

    with pytest.raises(KeyUnavailable, match="make it a file that this user may read"):
        resolve_key(REF, secrets_dir=tmp_path, environ={})


def test_a_key_shows_in_nothing_that_prints() -> None:
    key = PrivateKey(PRIVATE_KEY)
    found = resolve_key(REF, secrets_dir=None, environ={VARIABLE: PRIVATE_KEY})

    shown = [repr(key), str(key), f"{key}", repr([key]), repr(found), f"{key!r:>40}", str((key,))]

    assert all(PRIVATE_KEY[2:].lower() not in text.lower() for text in shown)


def test_a_key_is_neither_pickled_nor_copied_out() -> None:
    key = PrivateKey(PRIVATE_KEY)

    with pytest.raises(TypeError, match="leave this process"):
        pickle.dumps(key)
    with pytest.raises(TypeError, match="leave this process"):
        copy.copy(key)


def test_keys_are_equal_by_value() -> None:
    assert {PrivateKey(PRIVATE_KEY), PrivateKey(PRIVATE_KEY[2:])} == {PrivateKey(PRIVATE_KEY)}
    assert PrivateKey(PRIVATE_KEY) != PRIVATE_KEY
