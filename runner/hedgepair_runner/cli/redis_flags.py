"""Where Redis is: by flag, by a file or by the environment. Its URL may hold a password."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from hedgepair_runner import environment
from hedgepair_runner.redis_urls import check_redis_url
from hedgepair_runner.refusals import StartRefused


def add_redis_flags(parser: argparse.ArgumentParser) -> None:
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--redis",
        metavar="URL",
        help=f"redis://HOST:PORT/DB; where it holds a password, better by {environment.REDIS_URL}",
    )
    where.add_argument(
        "--redis-url-file", type=Path, metavar="FILE", help="a file that holds the URL"
    )


def redis_url_of(options: argparse.Namespace, environ: Mapping[str, str]) -> str:
    """The URL; its password is a known secret from now on. Raises StartRefused."""
    url = named_redis_url(options, environ)
    if url is None:
        raise StartRefused(
            "no Redis is named; give --redis redis://HOST:PORT, --redis-url-file FILE "
            f"or {environment.REDIS_URL}"
        )
    return url


def named_redis_url(options: argparse.Namespace, environ: Mapping[str, str]) -> str | None:
    """None: nobody named one. Raises StartRefused for a URL that is none, without showing it."""
    if options.redis is not None:
        url, where = str(options.redis), "--redis"
    elif options.redis_url_file is not None:
        url, where = _read(options.redis_url_file), "the file of --redis-url-file"
    elif environ.get(environment.REDIS_URL):
        url, where = environ[environment.REDIS_URL], environment.REDIS_URL
    else:
        return None
    try:
        check_redis_url(url)
    except ValueError:
        refusal = f"{where} holds no Redis URL; write redis://HOST:PORT or rediss://…"
        raise StartRefused(refusal) from None
    return url


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StartRefused(f"--redis-url-file {path} cannot be read as text") from error
