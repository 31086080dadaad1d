"""Private keys: where a `secretRef` finds one, and a wrapper that never shows it (law 9).

A mounted Secret is a folder: `DIR/<secret name>/<key>`. On a laptop the same folders do, or an
environment variable: `HEDGEPAIR_SECRET_<NAME>_<KEY>` in capitals, with `_` for all but letters and
digits. Read anew for each start; a rotated Secret is picked up by reading again.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from hedgepair_runner.contract.spec import SecretRef

# A Lighter API key: 40 bytes, with or without 0x (protocol §5.1).
_KEY: Final = re.compile(r"(?:0x)?([0-9a-fA-F]{80})\Z")
_MAX_BYTES: Final = 4096  # far more than a key; a wrong file is not read into memory


class KeyUnavailable(Exception):
    """No usable key; the message names the place and the remedy, never the value."""


class PrivateKey:
    """A private key. Only `reveal()` gives it out; nothing that prints or stores does."""

    __slots__ = ("_digits",)

    def __init__(self, text: str) -> None:
        """Takes 80 hexadecimal digits, with or without 0x. Raises ValueError without the value."""
        match = _KEY.match(text.strip())
        if match is None:
            raise ValueError("not an API key's private key: that is 0x and 80 hexadecimal digits")
        self._digits = match[1].lower()

    def reveal(self) -> str:
        """`0x` and 80 hexadecimal digits, for the signer alone."""
        return f"0x{self._digits}"

    def __repr__(self) -> str:
        return "PrivateKey(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PrivateKey) and self._digits == other._digits

    def __hash__(self) -> int:
        return hash(self._digits)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a private key is not pickled: it would leave this process")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedKey:
    """The key, where it came from, and what to warn of, if anything."""

    key: PrivateKey
    source: str
    warning: str | None = None


def variable_of(secret_ref: SecretRef) -> str:
    """The environment variable that stands for a Secret's key."""
    return "HEDGEPAIR_SECRET_" + re.sub(
        r"[^A-Z0-9]", "_", f"{secret_ref.name}_{secret_ref.key}".upper()
    )


def resolve_key(
    secret_ref: SecretRef, *, secrets_dir: Path | None, environ: Mapping[str, str]
) -> ResolvedKey:
    """The key from the folder if it is there, else from the environment.

    Raises KeyUnavailable.
    """
    variable = variable_of(secret_ref)
    path = None if secrets_dir is None else secrets_dir / secret_ref.name / secret_ref.key
    found = None if path is None else _from_file(path)
    if found is not None:
        return found
    if variable in environ:
        return ResolvedKey(key=_parsed(environ[variable], source=variable), source=variable)
    file = path if path is not None else f"DIR/{secret_ref.name}/{secret_ref.key}"
    looked = f"there is no file {file}" if path is not None else "no --secrets DIR was given"
    raise KeyUnavailable(
        f"The private key of Secret {secret_ref.name}, key {secret_ref.key}, is missing: {looked} "
        f"and {variable} is not set. Put the key into {file}, or set {variable}."
    )


def _from_file(path: Path) -> ResolvedKey | None:
    """None where there is no such file."""
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES)
            mode = stat.S_IMODE(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise KeyUnavailable(
            f"The private key in {path} cannot be read ({error.strerror}): "
            "make it a file that this user may read."
        ) from None
    warning = None
    if mode & stat.S_IRWXO:
        warning = f"Every user of this machine may read {path}: run `chmod 600 {path}`."
    text = content.decode("ascii", errors="replace")
    return ResolvedKey(key=_parsed(text, source=str(path)), source=str(path), warning=warning)


def _parsed(text: str, *, source: str) -> PrivateKey:
    if not text.strip():
        raise KeyUnavailable(f"{source} is empty: put the API key's private key into it.")
    try:
        return PrivateKey(text)
    except ValueError:
        raise KeyUnavailable(
            f"{source} does not hold the private key of a Lighter API key, which is 0x and 80 "
            "hexadecimal digits: copy it again. An Ethereum key, with 64, is another thing "
            "and belongs nowhere near here."
        ) from None
