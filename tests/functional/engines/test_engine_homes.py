"""Which folder becomes a home, and the one sentence when it cannot."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from engine_support import holding

from weir.kernel.declares import HOME_UNUSABLE
from weir.kernel.outcomes import Outcome, Refusal
from weir.store.declares import SCHEMA_NEWER
from weir.store.engines import EmbeddedPostgres, EmbeddedValkey, Home, ProcessIdentity
from weir.store.engines.home import ROOT_HOMES, default_path
from weir.store.engines.user import choose, find

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs engines as another user")


def refusal(path: Path, *, create: bool = True, outcome: Outcome = HOME_UNUSABLE) -> str:
    with pytest.raises(Refusal) as refused:
        Home.open(path, create=create)
    assert refused.value.outcome is outcome
    why = str(refused.value.public["why"])
    assert why.endswith(".")
    assert "\n" not in why
    return why


def test_a_home_is_made_once_and_opened_again(place: Path) -> None:
    made = Home.open(place / "h", create=True)
    assert Home.open(place / "h", create=True).mark == made.mark
    assert Home.open(place / "h", create=False).secret("x") == made.secret("x")
    assert made.secret("x") != made.secret("y")
    assert made.log_path("x").parent.stat().st_mode & 0o777 == 0o700


def test_an_empty_folder_may_become_a_home(place: Path) -> None:
    (place / "h").mkdir(mode=0o755)
    home = Home.open(place / "h", create=True)
    assert home.path.stat().st_mode & 0o066 == 0


def test_a_folder_with_other_things_stays_as_it_was(place: Path) -> None:
    (place / "h").mkdir(mode=0o755)
    (place / "h/thesis").touch()
    assert "holds other things" in refusal(place / "h")
    assert (place / "h").stat().st_mode & 0o777 == 0o755
    assert [each.name for each in (place / "h").iterdir()] == ["thesis"]


def test_what_is_no_folder_or_not_there_is_refused(place: Path) -> None:
    (place / "file").touch()
    assert "is not a folder" in refusal(place / "file")
    assert "does not exist" in refusal(place / "file/h")
    assert "not a directory" in refusal(place / "file/h", create=False)
    assert "does not exist" in refusal(place / "absent/h")
    assert "There is no home" in refusal(place / "h", create=False)
    assert not (place / "h").exists()
    assert "control character" in refusal(place / "line\nbreak")


@pytest.mark.parametrize("damage", ["", "{}", "[]", '{"format": 1, "mark": "x"}', "\x00"])
def test_a_damaged_marker_is_refused(place: Path, damage: str) -> None:
    Home.open(place / "h", create=True)
    (place / "h/home.json").write_text(damage)
    assert "is damaged" in refusal(place / "h")


def test_a_newer_home_and_newer_data_are_refused(home: Home) -> None:
    marker = json.loads((home.path / "home.json").read_text())
    (home.path / "home.json").write_text(json.dumps(marker | {"format": 2}))
    assert "newer weir" in refusal(home.path, outcome=SCHEMA_NEWER)
    postgres = EmbeddedPostgres(home)
    data = home.passable_folder("postgres") / "data"
    data.mkdir()
    for version, outcome in (("19", SCHEMA_NEWER), ("17", HOME_UNUSABLE), ("?", HOME_UNUSABLE)):
        (data / "PG_VERSION").write_text(version)
        with pytest.raises(Refusal) as refused:
            postgres.start()
        assert refused.value.outcome is outcome
        assert "this weir carries 18" in str(refused.value.public["why"])


def test_a_home_run_by_one_process_is_refused_to_another(place: Path) -> None:
    with holding(place / "h") as holder:
        holder.started()
        home = Home.open(place / "h", create=True)
        running = home.holder()
        assert running is not None
        assert running.pid == holder.process.pid
        with pytest.raises(Refusal) as refused:
            home.acquire()
        why = f"Another weir (process {running.pid}) already runs on the home {home.path}."
        assert refused.value.public["why"] == why
        assert EmbeddedPostgres(home).status().answering
        holder.kill()
    home.acquire()
    assert home.holder() == ProcessIdentity.read(os.getpid())
    for engine in (EmbeddedPostgres(home), EmbeddedValkey(home)):
        engine.stop()
    home.release()
    assert home.holder() is None


@needs_root
def test_a_home_of_another_user_is_refused(place: Path) -> None:
    Home.open(place / "h", create=True)
    nobody = find("nobody")
    assert nobody is not None
    os.chown(place / "h", nobody.uid, nobody.gid)
    assert "belongs to another user" in refusal(place / "h")


@needs_root
def test_a_home_the_engine_user_cannot_reach_is_refused_and_nothing_opened(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    assert f"cannot pass the folder {closed}" in refusal(closed / "h")
    assert closed.stat().st_mode & 0o777 == 0o700
    assert not list(closed.iterdir())


@needs_root
def test_the_default_home_of_root_lies_where_the_engine_user_can_reach(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    assert default_path(choose()) == place / ".weir"
    closed = place / "Closed Shop"
    closed.mkdir(mode=0o700)
    monkeypatch.chdir(closed)
    found = default_path(choose())
    assert found.parent == ROOT_HOMES
    assert found.name.startswith("closed-shop-")
    assert default_path(None) == closed / ".weir"
