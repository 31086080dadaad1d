"""How the operator reaches Redis, and the address that it gives to a pair's runners (design §8).

Both secrets are files of one mounted Secret, read when they are used: a rotated one needs no
restart. Runners and operator trust the certificates that `SSL_CERT_FILE` names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from hedgepair_operator.redis_port import RedisRefused

_MASTER_BYTES = 16
"""The least from which passwords are made: less could be guessed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisAccess:
    """`url` is the operator's own, user and password included; `runner_url` has neither."""

    url: str = field(repr=False)
    master: bytes = field(repr=False)
    runner_url: str

    def url_of(self, username: str, password: str) -> str:
        """What runners connect with. Both parts need no quoting."""
        parts = urlsplit(self.runner_url)
        netloc = f"{username}:{password}@{parts.netloc}"
        return urlunsplit((parts.scheme, netloc, parts.path, parts.query, ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisFiles:
    """Where the access lies. `runner_url` None: the operator's address, without its login."""

    url_file: Path
    master_file: Path
    runner_url: str | None = None

    def read(self) -> RedisAccess:
        """Raises RedisRefused with a sentence that holds no secret."""
        url = _read(self.url_file)
        master = _read(self.master_file).encode()
        if len(master) < _MASTER_BYTES:
            raise RedisRefused(
                f"{self.master_file} is too short: passwords of pairs are made from it, "
                f"so put {_MASTER_BYTES} random characters or more into it"
            )
        try:
            parts = urlsplit(url)
            usable = parts.scheme in ("redis", "rediss") and parts.hostname and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise RedisRefused(
                f"{self.url_file} holds no Redis URL: write redis://USER:PASSWORD@HOST:PORT/DB "
                "or rediss://…"
            )
        address = parts.netloc.rpartition("@")[2]
        bare = urlunsplit((parts.scheme, address, parts.path or "/0", "", ""))
        return RedisAccess(url=url, master=master, runner_url=self.runner_url or bare)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise RedisRefused(f"{path} cannot be read: mount the Secret with Redis' access") from error
