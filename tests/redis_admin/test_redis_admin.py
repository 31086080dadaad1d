"""Users outlive restarts, rotations and other servers; what is wrong with a Redis is said."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

from hedgepair_operator import acl_rules
from hedgepair_operator.redis_access import RedisAccess, RedisFiles
from hedgepair_operator.redis_admin import ManagedUsers, PreprovisionedUsers
from hedgepair_operator.redis_port import RedisConcern, RedisRefused, RedisUnavailable
from tests.redis_admin.bundled import BundledRedis
from tests.redis_admin.users import admin_of, logged_in, name_of, root_of, stranger, user

KEY = "hp:{trading/eth}:fills"


def test_a_restart_while_the_operator_is_down_locks_nobody_out(own: BundledRedis) -> None:
    async def main() -> None:
        async with admin_of(own) as admin:
            await admin.ensure(user())
        own.restart()
        async with logged_in(own, user()) as client:
            assert await client.exists(KEY) == 0

    asyncio.run(main())


def test_users_come_back_by_a_look_at_a_server_that_lost_them(own: BundledRedis) -> None:
    async def main() -> None:
        many = [user(pairing=f"pair-{number}") for number in range(120)]
        async with admin_of(own) as admin:
            for each in many:
                await admin.ensure(each)
            own.stop()
            with pytest.raises(RedisUnavailable):
                await admin.examine()
            with pytest.raises(RedisUnavailable):
                await admin.ensure(user(pairing="new"))
            (own.data / "users.acl").unlink()
            own.start()
            assert (await admin.examine()).run_id
        for each in (many[0], many[-1], user(pairing="new")):
            async with logged_in(own, each) as client:
                await client.ping()

    asyncio.run(main())


def test_a_user_is_exactly_what_is_asked_for_and_nothing_of_before(own: BundledRedis) -> None:
    name = name_of(user())

    async def main() -> None:
        root: Any = root_of(own)
        await root.execute_command("ACL", "SETUSER", name, "on", "nopass", "~*", "+@all")
        await root.aclose()
        async with admin_of(own) as admin:
            await admin.ensure(user())
        async with logged_in(own, user()) as client:
            with pytest.raises(NoPermissionError):
                await client.get("elsewhere")
        with pytest.raises(AuthenticationError):
            await stranger(own, username=name, password="wrong").ping()

    asyncio.run(main())


def test_asking_for_what_stands_asks_redis_nothing(own: BundledRedis) -> None:
    async def main() -> None:
        async with admin_of(own) as admin:
            await admin.ensure(user())
            own.stop()
            await admin.ensure(user())

    asyncio.run(main())


def test_a_rotation_cuts_nobody_off_until_the_next_one(own: BundledRedis) -> None:
    async def main() -> None:
        async with admin_of(own, rotation="1") as admin:
            await admin.ensure(user())
        async with logged_in(own, user(), rotation="1") as running:
            await running.ping()
            for rotation in ("2", "3"):
                async with admin_of(own, rotation=rotation) as admin:
                    await admin.ensure(user())
                await running.ping()  # a connection that stands, stands
        async with logged_in(own, user(), rotation="2") as late:
            await late.ping()
        async with logged_in(own, user(), rotation="1") as stolen:
            with pytest.raises(AuthenticationError):
                await stolen.ping()

    asyncio.run(main())


def test_a_removed_user_is_cut_off_and_stays_away(own: BundledRedis) -> None:
    async def main() -> None:
        async with admin_of(own) as admin:
            await admin.ensure(user())
            async with logged_in(own, user()) as client:
                await client.ping()
                await admin.remove(user())
                with pytest.raises(RedisError):
                    await client.ping()
            await admin.remove(user())
            own.restart()
            await admin.examine()
        async with logged_in(own, user()) as client:
            with pytest.raises(AuthenticationError):
                await client.ping()

    asyncio.run(main())


def test_a_new_master_makes_new_passwords_for_all(own: BundledRedis) -> None:
    async def main() -> None:
        async with admin_of(own) as admin:
            await admin.ensure(user())
            before = admin.url_of(user())
            own.set_password("another secret of the release")
            with pytest.raises(RedisRefused, match="restart Redis"):
                await admin.examine()
            own.restart()
            await admin.examine()
            assert admin.url_of(user()) != before
        async with logged_in(own, user()) as client:
            await client.ping()

    asyncio.run(main())


def test_many_at_once_are_all_saved(own: BundledRedis) -> None:
    async def main() -> None:
        many = [user(pairing=f"pair-{number}") for number in range(60)]
        async with admin_of(own) as admin:
            await asyncio.gather(*(admin.ensure(each) for each in many))
        saved = (own.data / "users.acl").read_text()
        assert all(f" {name_of(each)} " in saved for each in many)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("setting", "concern"),
    [
        ("appendonly no", RedisConcern.NOT_DURABLE),
        ("maxmemory-policy allkeys-lru", RedisConcern.MAY_EVICT),
        ("maxmemory 600kb", RedisConcern.ALMOST_FULL),
    ],
)
def test_a_setting_that_costs_something_is_told_with_its_remedy(
    tmp_path: Path, setting: str, concern: RedisConcern
) -> None:
    async def main() -> None:
        with BundledRedis(tmp_path, more=(setting,)) as server:
            async with admin_of(server) as admin:
                ((told, sentence),) = (await admin.examine()).concerns
                assert told is concern
                assert ": " in sentence

    asyncio.run(main())


def test_the_charts_own_settings_leave_nothing_to_say(own: BundledRedis) -> None:
    async def main() -> None:
        async with admin_of(own) as admin:
            await admin.ensure(user())
            assert (await admin.examine()).concerns == ()

    asyncio.run(main())


def test_without_an_acl_file_it_is_said_that_a_restart_locks_runners_out(redis_url: str) -> None:
    async def main() -> None:
        admin = admin_with(redis_url)
        await admin.ensure(user("no-file"))
        concerns = dict((await admin.examine()).concerns)
        await admin.remove(user("no-file"))
        await admin.close()
        assert RedisConcern.USERS_NOT_SAVED in concerns

    asyncio.run(main())


def test_an_operator_that_may_make_no_users_says_so(own: BundledRedis) -> None:
    async def main() -> None:
        root: Any = root_of(own)
        await root.execute_command("ACL", "SETUSER", "weak", "on", ">weak", "~*", "+@all", "-acl")
        await root.aclose()
        admin = admin_with(f"redis://weak:weak@127.0.0.1:{own.port}/0")
        with pytest.raises(RedisRefused, match="Preprovisioned"):
            await admin.ensure(user())
        await admin.close()

    asyncio.run(main())


def test_preprovisioned_users_are_tried_and_their_rule_is_told(own: BundledRedis) -> None:
    async def main() -> None:
        admin = PreprovisionedUsers(own.files.read, rotation="1")
        await admin.examine()
        with pytest.raises(RedisRefused) as told:
            await admin.ensure(user())
        master = own.files.read().master
        assert acl_rules.password(master, user(), rotation="1") not in str(told.value)
        root: Any = root_of(own)
        await root.execute_command(*str(told.value).partition("run ")[2].split(" "))
        await root.aclose()
        await admin.ensure(user())
        await admin.close()

    asyncio.run(main())


def test_a_wrong_password_is_told_and_never_shown(own: BundledRedis) -> None:
    async def main() -> None:
        own.set_password("not what the server was started with")
        admin = ManagedUsers(own.files.read, rotation="1")
        with pytest.raises(RedisRefused) as told:
            await admin.examine()
        await admin.close()
        assert "not what" not in str(told.value)
        assert "not what" not in repr(own.files.read())

    asyncio.run(main())


def test_runners_get_their_own_address_and_login(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("rediss://admin:p%40ss@db.example:6380/3\n")
    (tmp_path / "master").write_text("sixteen characters or more\n")
    for named, address in ((None, "db.example:6380/3"), ("rediss://proxy:1/0", "proxy:1/0")):
        files = RedisFiles(
            url_file=tmp_path / "url", master_file=tmp_path / "master", runner_url=named
        )
        url = ManagedUsers(files.read, rotation="1").url_of(user())
        login, _, rest = url.removeprefix("rediss://").rpartition("@")
        assert rest == address
        assert login.startswith(f"{name_of(user())}:")


@pytest.mark.parametrize(
    ("url", "master", "sentence"),
    [
        ("http://host", "m" * 16, "no Redis URL"),
        ("redis://", "m" * 16, "no Redis URL"),
        ("redis://host:port", "m" * 16, "no Redis URL"),
        ("redis://host", "short", "too short"),
        (None, "m" * 16, "cannot be read"),
    ],
)
def test_unusable_files_are_refused_with_a_sentence(
    tmp_path: Path, url: str | None, master: str, sentence: str
) -> None:
    if url is not None:
        (tmp_path / "url").write_text(url)
    (tmp_path / "master").write_text(master)
    with pytest.raises(RedisRefused, match=sentence):
        RedisFiles(url_file=tmp_path / "url", master_file=tmp_path / "master").read()


def admin_with(url: str) -> ManagedUsers:
    bare = f"redis://{url.rpartition('@')[2]}"
    access = RedisAccess(url=url, master=b"a master of the tests", runner_url=bare)
    return ManagedUsers(lambda: access, rotation="1")
