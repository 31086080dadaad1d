"""URLs of Redis: read, judged, and taken apart. A password in one is a secret from then on."""

from __future__ import annotations

from pathlib import Path
from typing import Final, cast
from urllib.parse import unquote, urlsplit, urlunsplit

from hedgepair_runner.logs import secrets

_SCHEMES: Final = ("redis", "rediss", "unix")

Login = tuple[str] | tuple[str, str]


def read_redis_url(path: Path) -> str:
    """Its password is a known secret from now on. Raises ValueError, without showing the URL."""
    try:
        url = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ValueError("the file of the Redis URL cannot be read as text") from None
    check_redis_url(url)
    return url


def check_redis_url(url: str) -> None:
    """Its password is a known secret from now on. Raises ValueError, without showing the URL."""
    try:
        parts = urlsplit(url)
        password, usable = parts.password, parts.scheme in _SCHEMES and parts.port != 0
    except ValueError:
        password, usable = None, False
    if not usable:
        raise ValueError("no Redis URL")
    if password:
        secrets.register(password)
        secrets.register(unquote(password))


def login_of(url: str) -> Login:
    """User and password, or the password alone; empty where the URL names none."""
    parts = urlsplit(url)
    if parts.username and parts.password:
        return unquote(parts.username), unquote(parts.password)
    if parts.password:
        return (unquote(parts.password),)
    return cast(tuple[str], ())


def without_login(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
