"""What is wrong with a manifest, said in sentences that name the field and the remedy.

Law 9: `shown` is the only way a value gets into a sentence, and it keeps back what may be a secret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

# A field of one of these names holds a secret, or somebody believes it does.
_SECRET_NAME: Final = re.compile(
    r"secret|passw|passphrase|token|private|mnemonic|seed|credential|api[_-]?key(?![_-]?index)",
    re.IGNORECASE,
)
_LONG_HEX: Final = re.compile(r"[0-9a-fA-F]{64}")
_SHOWN_LENGTH: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong. `field` is a dotted path, such as `spec.maker.account`."""

    field: str
    sentence: str


class ManifestRefused(Exception):
    """The manifest cannot be used; `problems` holds everything found, in reading order."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(problem.sentence for problem in problems))
        self.problems = problems


def path_of(location: tuple[str | int, ...]) -> str:
    """`("spec", "runner", "tolerations", 0)` → `spec.runner.tolerations[0]`."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            name = "<a long hexadecimal name>" if looks_secret(part) else part
            path += f".{name}" if path else name
    return path


def smells_of_secret(name: str) -> bool:
    return _SECRET_NAME.search(name) is not None


def looks_secret(value: Any) -> bool:
    """Whether the value may be a key: 64 hexadecimal digits or more, written as text or number."""
    if isinstance(value, int):
        return value.bit_length() > 200
    return isinstance(value, str) and _LONG_HEX.search(value) is not None


def shown(value: Any, *, field: str) -> str:
    """The value for a sentence, or a description of it where it may be a secret."""
    if smells_of_secret(field) or looks_secret(value):
        return "the value given"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= _SHOWN_LENGTH and "@" not in value else "that text"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, dict):
        return "a section"
    if isinstance(value, (list, tuple)):
        return "a list"
    return "that"
