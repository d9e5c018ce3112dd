"""A process identity read from a file that may hold anything."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.store.engines.files import write_atomically, write_once
from weir.store.engines.process import ProcessIdentity

identities = st.builds(
    ProcessIdentity, st.integers(1, 1 << 22), st.integers(0, 1 << 62), st.text(max_size=40)
)


@given(identities.filter(lambda each: each.boot_id.isascii() and "\0" not in each.boot_id))
def test_what_is_saved_is_loaded(tmp_path_factory: pytest.TempPathFactory, one: object) -> None:
    assert isinstance(one, ProcessIdentity)
    file = tmp_path_factory.getbasetemp() / "identity.json"
    one.save(file)
    assert ProcessIdentity.load(file) == one


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'"text"',
        json.dumps({"pid": 0, "started_at_ticks": 1, "boot_id": "b"}).encode(),
        json.dumps({"pid": -1, "started_at_ticks": 1, "boot_id": "b"}).encode(),
        json.dumps({"pid": True, "started_at_ticks": 1, "boot_id": "b"}).encode(),
        json.dumps({"pid": 1.5, "started_at_ticks": 1, "boot_id": "b"}).encode(),
        json.dumps({"pid": 1, "started_at_ticks": "1", "boot_id": "b"}).encode(),
        json.dumps({"pid": 1, "started_at_ticks": 1, "boot_id": None}).encode(),
        json.dumps({"pid": 1, "started_at_ticks": 1, "boot_id": "b" * 2_000}).encode(),
    ],
)
def test_a_file_that_holds_no_identity_names_no_process(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "identity.json").write_bytes(content)
    assert ProcessIdentity.load(tmp_path / "identity.json") is None


def test_this_very_process_is_alive_and_its_identity_is_steady() -> None:
    own = ProcessIdentity.read(os.getpid())
    assert own is not None
    assert own.alive()
    assert ProcessIdentity.read(os.getpid()) == own


def test_what_is_written_once_stays(tmp_path: Path) -> None:
    assert write_once(tmp_path / "secret", b"first") == b"first"
    assert write_once(tmp_path / "secret", b"second") == b"first"
    write_atomically(tmp_path / "secret", b"third")
    assert (tmp_path / "secret").read_bytes() == b"third"
    assert [each.name for each in tmp_path.iterdir()] == ["secret"]
