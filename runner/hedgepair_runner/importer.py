"""`hedgepair import`: reads the old configuration, writes manifest and keys, tells what is left.

Nothing is overwritten without `force`, and nothing is written before everything may be. Key files
are created for their owner alone, never opened up for a moment.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hedgepair_runner.importing import Imported, ImportOptions, ImportRefused, import_config

_DONE = 0
_REFUSED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportTargets:
    """Where the results go."""

    manifest: Path
    secrets_dir: Path
    force: bool = False


def run_import(
    config: Path, options: ImportOptions, *, targets: ImportTargets, say: Callable[[str], object]
) -> int:
    """Exit code 0, or 2 after saying why not. `say` takes whole lines, without a secret in them."""
    try:
        imported = import_config(_read(config), options)
        files = _files(imported, targets)
        _refuse_overwriting(config, [path for path, _, _ in files], force=targets.force)
        for path, content, mode in files:
            _write(path, content, mode=mode)
    except ImportRefused as refused:
        say(f"{refused}\n")
        return _REFUSED
    except OSError as error:
        say(f"{error.filename} cannot be written: {error.strerror}.\n")
        return _REFUSED
    for path, _, _ in files:
        say(f"wrote {path}\n")
    for note in imported.notes:
        say(f"note: {note}\n")
    return _DONE


def _read(config: Path) -> str:
    try:
        return config.read_text(encoding="utf-8")
    except OSError as error:
        raise ImportRefused(f"{config} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise ImportRefused(f"{config} is no text in UTF-8: is it the configuration?") from None


def _files(imported: Imported, targets: ImportTargets) -> list[tuple[Path, str, int]]:
    """Keys first: a manifest without its keys would look finished."""
    keys = [
        (targets.secrets_dir / path, f"{key.reveal()}\n", 0o600)
        for path, key in imported.secrets.items()
    ]
    return [*keys, (targets.manifest, imported.manifest, 0o644)]


def _refuse_overwriting(config: Path, paths: list[Path], *, force: bool) -> None:
    for path in paths:
        if path.exists() and path.samefile(config):
            raise ImportRefused(f"{path} is the configuration itself: choose another file.")
        if path.exists() and not force:
            raise ImportRefused(f"{path} exists: use --force to replace it, or another place.")


def _write(path: Path, content: str, *, mode: int) -> None:
    if mode == 0o600:
        for folder in (path.parent.parent, path.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
            os.fchmod(descriptor, mode)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
