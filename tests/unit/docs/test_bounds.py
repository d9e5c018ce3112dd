"""docs/reference/bounds.md is a table of inputs in which every entry leads somewhere.

That the page is what the code declares is held with the other pages of the reference.
"""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Final

import pytest
from repository import load_script

from weir.app.settings import Settings
from weir.kernel import rooms
from weir.kernel.declarations import Bound
from weir.kernel.outcomes import Outcome

REFERENCE: Final = load_script("reference")
# Rooms of which every limit on a quantity from outside has a row.
TOLD_WHOLE: Final = ("wire", "gateway")
# Last words of limits that are quantities of an input, or held for one.
QUANTITIES: Final = frozenset(
    ("BYTES", "CHARACTERS", "FIELDS", "REQUESTS", "CONNECTIONS", "WAITING", "BACKLOG", "ADDRESSES")
)


def quantities(room: str) -> set[str]:
    """The limits of a room that are quantities."""
    declared = vars(next(each for each in rooms.declarations() if each.__name__ == room))
    return {
        name
        for name, value in declared.items()
        if isinstance(value, int | float) and name.rpartition("_")[2] in QUANTITIES
    }


@pytest.mark.parametrize(("name", "bound"), rooms.bounds().items(), ids=rooms.bounds())
def test_a_bound_names_what_holds_it_and_the_test_that_goes_past_it(
    name: str, bound: Bound
) -> None:
    settings = {each.name for each in fields(Settings)}
    assert bound.limits, "an input without a bound"
    assert set(bound.limits) <= rooms.limits().keys() | settings
    assert REFERENCE.test_file(bound.test).startswith("tests/")
    if isinstance(bound.beyond, Outcome):
        assert bound.beyond in rooms.refusals().values()
    if isinstance(bound.beyond, str) and re.fullmatch(r"[a-z]+(_[a-z]+)+", bound.beyond):
        assert bound.beyond in rooms.refusals(), "no refusal has this code"
    for words in (name, bound.cost, bound.beyond):
        assert isinstance(words, Outcome) or (words and "|" not in words and words[-1] != ".")


@pytest.mark.parametrize("room", TOLD_WHOLE)
def test_every_quantity_of_a_room_bounds_an_input(room: str) -> None:
    named = {limit for bound in rooms.bounds().values() for limit in bound.limits}
    found = quantities(f"weir.{room}.declares")
    assert found
    assert found - named == set()


@pytest.mark.parametrize("name", ["test_that_nobody_wrote", "test_the_platform"])
def test_a_test_that_is_not_there_is_seen(name: str) -> None:
    with pytest.raises(ValueError, match="0 tests are called"):
        REFERENCE.test_file(name)
