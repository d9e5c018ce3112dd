"""An installation the engine user cannot enter is copied into the home, once."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from weir.store.engines import EmbeddedPostgres, Home, binaries
from weir.store.engines.binaries import make_reachable
from weir.store.engines.user import find

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs engines as another user")


def test_a_closed_installation_is_copied_and_the_copy_runs_without_it(
    place: Path, home: Home
) -> None:
    installed = binaries.postgres()
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    for part in installed.parts:
        shutil.copytree(installed.path(part), closed / part, symlinks=True)
    postgres = EmbeddedPostgres(home, replace(installed, root=closed))
    (home.passable_folder("engines") / "postgresql-1.0-old").mkdir()
    postgres.start()
    copies = [each.name for each in (home.path / "engines").iterdir()]
    assert copies == [f"postgresql-{installed.label}"]
    closed.rename(place / "away")
    libraries = Path(f"/proc/{postgres.status().pid}/maps").read_text()
    assert str(home.path / "engines") in libraries
    assert str(closed) not in libraries
    postgres.stop()
    (place / "away").rename(closed)
    postgres.start()
    assert copies == [each.name for each in (home.path / "engines").iterdir()]


def test_an_open_installation_is_used_where_it_is(place: Path) -> None:
    engine = replace(binaries.valkey(), root=place)
    nobody = find("nobody")
    (place / engine.parts[0]).mkdir(parents=True)
    program = place / engine.parts[0] / "valkey-server"
    program.touch(mode=0o755)
    assert make_reachable(engine, nobody, place / "copies").root == place
    assert make_reachable(engine, None, place / "copies").root == place
    program.chmod(0o700)
    (place / "copies").mkdir()
    assert make_reachable(engine, nobody, place / "copies").root.parent == place / "copies"
