"""The chart's Redis: one for all tests of a module, or one of a test's own to harm."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.redis_admin.bundled import BundledRedis


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BundledRedis]:
    with BundledRedis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def own(tmp_path: Path) -> Iterator[BundledRedis]:
    with BundledRedis(tmp_path) as server:
        yield server
