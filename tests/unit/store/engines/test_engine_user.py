"""Mode bits, as the kernel reads them for a user who is not root (path_resolution(7))."""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from weir.store.engines.user import EngineUser, allows, barrier, find

USER = EngineUser("engine", 1_000, 2_000)


def entry(mode: int, uid: int, gid: int) -> os.stat_result:
    return os.stat_result((mode, 0, 0, 0, uid, gid, 0, 0, 0, 0))


def test_the_owner_is_judged_by_the_owner_bits_even_when_others_may_do_more() -> None:
    assert allows(entry(0o700, 1_000, 0), USER, 7)
    assert not allows(entry(0o077, 1_000, 2_000), USER, 1)


def test_the_group_is_judged_by_the_group_bits_even_when_others_may_do_more() -> None:
    assert allows(entry(0o050, 0, 2_000), USER, 5)
    assert not allows(entry(0o707, 0, 2_000), USER, 1)


def test_anyone_else_is_judged_by_the_other_bits() -> None:
    assert allows(entry(0o001, 0, 0), USER, 1)
    assert not allows(entry(0o770, 0, 0), USER, 1)


@given(st.integers(0, 0o7777), st.integers(1, 7), st.integers(1, 7))
def test_who_may_do_two_things_together_may_do_each(mode: int, one: int, other: int) -> None:
    both = allows(entry(mode, 0, 0), USER, one | other)
    each = allows(entry(mode, 0, 0), USER, one) and allows(entry(mode, 0, 0), USER, other)
    assert both == each


def test_the_first_closed_folder_on_the_way_is_named(tmp_path: Path) -> None:
    stranger = EngineUser("engine", os.geteuid() + 54_321, os.getegid() + 54_321)
    inner = tmp_path / "closed" / "inner"
    inner.mkdir(parents=True)
    (tmp_path / "closed").chmod(0o700)
    found = barrier(inner, stranger)
    assert found is not None
    assert inner.is_relative_to(found)
    assert barrier(Path("/"), stranger) is None


def test_root_and_users_that_do_not_exist_are_no_engine_users() -> None:
    assert find("root") is None
    assert find("no-such-user-here") is None
