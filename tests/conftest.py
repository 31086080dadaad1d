"""What all tests may ask for: a real Redis, one server a session, a fresh database each."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

# Early: its plugin would import it deep inside of pytest's last report, where Python 3.11 fails.
import hypothesis  # noqa: F401
import pytest

from hedgepair_runner.local import redis_server

# Numbered, not flushed: a late writer of an earlier test cannot reach the next one.
_DATABASES = 4096


def pytest_configure(config: pytest.Config) -> None:
    """We use looptime's event loop by itself: its plugin breaks fixtures without pytest-asyncio."""
    config.pluginmanager.unregister(name="looptime_plugin")


@pytest.fixture(scope="session")
def redis_databases() -> Iterator[Iterator[str]]:
    with redis_server.start(databases=_DATABASES) as server:
        yield (server.url.removesuffix("/0") + f"/{number}" for number in count(1))


@pytest.fixture
def redis_url(redis_databases: Iterator[str]) -> str:
    """The URL, with password, of an empty Redis database."""
    return next(redis_databases)
