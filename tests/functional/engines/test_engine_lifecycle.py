"""Starting and stopping, and who may talk to an engine that runs."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy
import valkey
from engine_support import (
    connect,
    engines_of,
    key,
    modes_of,
    rows,
    write_key,
    write_row,
)

from places import short_folder
from weir.kernel.outcomes import Refusal
from weir.store.declares import ENGINE_UNAVAILABLE
from weir.store.engines import EmbeddedPostgres, EmbeddedValkey, Home


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[EmbeddedPostgres, EmbeddedValkey]]:
    """Both engines of one home, for tests that only talk to them."""
    with short_folder() as folder:
        home = Home.open(folder / "h", create=True)
        home.acquire()
        postgres, cache = EmbeddedPostgres(home), EmbeddedValkey(home)
        postgres.start()
        cache.start()
        yield postgres, cache
        postgres.stop()
        cache.stop()
        home.release()


def test_what_was_written_is_there_after_a_stop_and_a_start(home: Home) -> None:
    postgres, cache = EmbeddedPostgres(home), EmbeddedValkey(home)
    postgres.start()
    cache.start()
    write_row(postgres, "first")
    write_key(cache, "first")
    first = postgres.status().pid
    postgres.stop()
    cache.stop()
    for engine in (postgres, cache):
        assert not engine.status().running
        with pytest.raises(Refusal) as refused:
            engine.server_version()
        assert refused.value.outcome is ENGINE_UNAVAILABLE
        assert refused.value.public["why"] == f"{engine.title} does not answer."
    postgres.start()
    cache.start()
    assert postgres.status().pid != first
    assert rows(postgres) == ["first"]
    assert key(cache) == "first"


def test_starting_a_running_engine_changes_nothing(home: Home) -> None:
    cache = EmbeddedValkey(home)
    url = cache.start()
    pid = cache.status().pid
    assert cache.start() == url
    assert cache.status().pid == pid


def test_servers_say_their_versions(running: tuple[EmbeddedPostgres, EmbeddedValkey]) -> None:
    postgres, cache = running
    assert postgres.server_version().startswith("18.")
    assert cache.server_version().startswith("9.")
    assert cache.status().version == cache.server_version()


def test_the_url_works_with_sqlalchemy_and_the_database_is_no_open_one(
    running: tuple[EmbeddedPostgres, EmbeddedValkey],
) -> None:
    engine = sqlalchemy.create_engine(running[0].url())
    with engine.connect() as connection:
        asked = "server_encoding", "data_checksums", "fsync", "listen_addresses", "TimeZone"
        found = [connection.exec_driver_sql(f"SHOW {name}").scalar() for name in asked]
        rank = "SELECT rolsuper, rolcreaterole FROM pg_roles WHERE rolname = current_user"
        assert found == ["UTF8", "on", "on", "", "UTC"]
        assert connection.exec_driver_sql(rank).one() == (False, False)
        assert connection.exec_driver_sql("SELECT lower('ÄÖ')").scalar() == "äö"
    engine.dispose()


def test_valkey_keeps_its_file_drops_nothing_and_has_no_port(
    running: tuple[EmbeddedPostgres, EmbeddedValkey],
) -> None:
    with valkey.Valkey.from_url(running[1].url(), decode_responses=True) as client:
        promised = {"appendonly": "yes", "maxmemory-policy": "noeviction", "port": "0"}
        assert {name: client.config_get(name)[name] for name in promised} == promised


def test_nobody_gets_in_without_the_password(
    running: tuple[EmbeddedPostgres, EmbeddedValkey],
) -> None:
    postgres, cache = running
    host = str(postgres.home.path / "run/pg")
    for user in ("weir", "postgres"):
        for password in ("", "wrong"):
            with pytest.raises(psycopg.OperationalError, match="password"):
                psycopg.connect(host=host, user=user, password=password, dbname="weir")
    rules = (postgres.data / "pg_hba.conf").read_text().splitlines()
    methods = {line.split()[-1] for line in rules if line and not line.startswith("#")}
    assert methods == {"scram-sha-256"}
    socket = str(cache.home.path / "run/vk/valkey.sock")
    for given in (None, "wrong"):
        with pytest.raises(valkey.AuthenticationError):
            valkey.Valkey(unix_socket_path=socket, password=given).get("kept")


def test_each_database_opens_to_its_own_role_only(
    running: tuple[EmbeddedPostgres, EmbeddedValkey],
) -> None:
    postgres = running[0]
    url = postgres.create_database("river_bank")
    assert postgres.create_database("river_bank") == url
    with connect(url) as connection:
        connection.execute("CREATE TABLE own (id bigint)")
    for other in ("weir", "postgres", "template1"):
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            connect(url.replace("/river_bank?", f"/{other}?"))


@pytest.mark.parametrize(
    "name", ["", "postgres", "template1", "A", "1a", "a" * 32, 'x"; --', "a\n"]
)
def test_a_name_that_is_not_plain_makes_no_database(
    running: tuple[EmbeddedPostgres, EmbeddedValkey], name: str
) -> None:
    with pytest.raises(ValueError, match="cannot be the name"):
        running[0].create_database(name)


def test_two_homes_run_side_by_side(make_home: Callable[[str], Home]) -> None:
    pairs = [(EmbeddedPostgres(each), EmbeddedValkey(each)) for each in map(make_home, "ab")]
    for number, (postgres, cache) in enumerate(pairs):
        postgres.start()
        cache.start()
        write_row(postgres, str(number))
        write_key(cache, str(number))
    assert [rows(postgres) for postgres, _ in pairs] == [["0"], ["1"]]
    assert [key(cache) for _, cache in pairs] == ["0", "1"]


def test_nothing_outside_the_home_changes_and_nothing_inside_is_open(place: Path) -> None:
    (place / "other").mkdir(mode=0o700)
    before = modes_of(place / "h")
    home = Home.open(place / "h", create=True)
    home.acquire()
    for engine in engines_of(home):
        engine.start()
        engine.stop()
    home.release()
    assert modes_of(place / "h") == before
    for folder, _, files in os.walk(home.path):
        for path in (Path(folder), *(Path(folder, name) for name in files)):
            entry = path.stat()
            # Others may at most pass through, and a folder of the engine user lets nobody pass.
            assert not stat.S_IMODE(entry.st_mode) & 0o066, path
            assert entry.st_uid == os.geteuid() or not stat.S_IMODE(entry.st_mode) & 0o077


def test_an_engine_cannot_be_started_without_the_lock(place: Path) -> None:
    home = Home.open(place / "h", create=True)
    for engine in engines_of(home):
        with pytest.raises(RuntimeError, match="acquire"):
            engine.start()


def test_a_home_with_a_long_path_has_short_sockets_in_a_private_folder(place: Path) -> None:
    deep = place / ("long-" * 12) / "with, comma"
    deep.parent.mkdir(mode=0o711)
    home = Home.open(deep, create=True)
    home.acquire()
    outside = home.run.parent
    try:
        assert len(str(home.run)) + 21 < 100
        assert stat.S_IMODE(home.run.stat().st_mode) == 0o700
        assert Home.open(deep, create=False).run == home.run
        for engine in engines_of(home):
            engine.start()
            assert engine.status().answering
            engine.stop()
    finally:
        home.release()
        for folder in (*outside.iterdir(), outside):
            folder.rmdir()
