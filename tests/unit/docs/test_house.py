"""The house: how large a folder may be, how files are named, and which contracts hold the walls."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pytest
from repository import ROOT, WEIR, contracts, folders, layers, rooms, wings

MODULES_A_FOLDER: Final = 30
# Words that end like a gerund and are what the field calls the thing, or describe the noun beside
# them. A file that is named by any other one says what somebody does, not what it holds.
FIELD_WORDS: Final = {
    "acting": "describes: the person in whose name the portal asks the API",
    "batching": "of engineering: several requests put together",
    "binding": "of FAPI 2.0: a token and the key it is bound to",
    "bindings": "of the shelf: where a call carries what a consent is checked against",
    "breaking": "describes: a change that breaks a caller",
    "closing": "of accounting: the books of a period are closed",
    "closings": "of accounting, as above",
    "endings": "of keys, algorithms and grants: the end they come to, and by whom",
    "findings": "of review: what a document does not keep of the standard",
    "formatting": "of typography: how figures and moments are written",
    "founding": "of law: an alliance comes about",
    "metering": "of utilities: measured use",
    "netting": "of clearing: debts set off against each other",
    "observing": "of operations: counts, metrics, traces and health of a process",
    "postings": "of accounting: entries of the ledger",
    "pricing": "of commerce: how a plan is priced",
    "rating": "of billing: from usage to charges",
    "recurring": "describes: payments under one consent, again and again",
    "reopenings": "of accounting: closed periods opened again",
    "settings": "of software: what an operator sets",
    "signing": "describes: keys that sign",
}  # fmt: skip


# Folders beside the sources whose files are named by the same rule, and the endings of these.
BESIDE: Final = ("bench", "checks", "scripts", "tests")
CODE: Final = (".py", ".js", ".lua")


def modules(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.py"))


def words(name: str) -> set[str]:
    """The words of a name that end like a gerund."""
    return {word for word in re.split(r"[_.-]", name) if re.fullmatch(r"[a-z]{3,}ings?", word)}


@pytest.mark.parametrize("folder", folders(), ids=lambda path: str(path.relative_to(WEIR.parent)))
def test_a_folder_can_be_taken_in_at_a_glance(folder: Path) -> None:
    assert len(modules(folder)) <= MODULES_A_FOLDER, "set the room out in wings"


def named(paths: Iterable[Path]) -> dict[str, set[str]]:
    """The gerunds in the name of each path."""
    return {str(path.relative_to(ROOT)): words(path.stem) for path in paths}


def sources() -> dict[str, set[str]]:
    """The gerunds in the names of all folders and modules of `src/weir`."""
    return named(path for each in folders() for path in (each, *modules(each)) if path != WEIR)


def beside() -> dict[str, set[str]]:
    """The gerunds in the names of all code beside the sources, what is installed there left out."""
    return named(
        path
        for folder in BESIDE
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in CODE and "node_modules" not in path.parts
    )


def test_files_are_named_by_nouns_of_the_field() -> None:
    gerunds = {path: found - FIELD_WORDS.keys() for path, found in (sources() | beside()).items()}
    assert {path for path, found in gerunds.items() if found} == set()


def test_every_word_of_the_field_names_a_source() -> None:
    assert FIELD_WORDS.keys() - set().union(*sources().values()) == set()


def test_every_room_stands_in_the_layers() -> None:
    held = set().union(*(layers(each) for each in contracts() if "containers" not in each))
    below = {f"weir.{room}" for room in rooms()} - {"weir.client"}
    assert below - held == set(), "a room that no layer names may import anything"


def test_the_client_may_import_no_room_but_the_kernel() -> None:
    (contract,) = (each for each in contracts() if each.get("source_modules") == "\nweir.client")
    forbidden = {name.removeprefix("weir.") for name in contract["forbidden_modules"].split()}
    assert rooms() - forbidden == {"client", "kernel"}


@pytest.mark.parametrize("room", sorted(room for room in rooms() if wings(room)))
def test_every_wing_stands_in_a_contract_of_its_room(room: str) -> None:
    held = set().union(
        *(layers(each) for each in contracts() if each.get("containers") == f"weir.{room}")
    )
    assert wings(room) - held == set(), "a wing that no contract names may import anything"


def test_architecture_names_every_room_and_wing() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    drawn = page.partition("## The rooms")[2]
    named = set(re.findall(r"^[a-z_| ]+?(?=   )", drawn, re.MULTILINE))
    assert rooms() <= {room for line in named for room in line.replace("|", " ").split()}
    for room in sorted(room for room in rooms() if wings(room)):
        (row,) = re.findall(
            rf"^\| (?:[a-z, ]+, )?{room}(?:,[a-z, ]+)? \| (.+) \|$", drawn, re.MULTILINE
        )
        assert set(re.findall(r"`([a-z_]+)`", row.partition(":")[0])) == wings(room)
