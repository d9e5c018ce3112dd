"""docs/glossary.md has the nouns that the code uses, each in both languages and where it lives."""

from __future__ import annotations

import ast
import re
from functools import cache
from typing import Final

import pytest
from repository import ROOT, WEIR, folders

from weir.kernel import rooms

PAGE: Final = ROOT / "docs" / "glossary.md"
CHINESE = re.compile(r"[\u4e00-\u9fff]")

# The vocabulary of the whole design, in the order of its rooms; what is not built yet has no entry.
VOCABULARY: Final = (
    "capability", "product", "shelf", "plan", "application", "subscription", "consent", "grant",
    "call record", "receipt", "agreement", "split", "statement", "posting", "control", "scenario",
    "job", "journey", "event", "link", "dialect", "twin", "case", "attestation", "instrument",
    "need", "offer", "pocket", "mini-program", "hand-off", "mandate", "charter", "tier",
)  # fmt: skip
# What is built already, and must not be lost from the list of the code's own words.
BUILT: Final = {
    "capability", "product", "shelf", "plan", "application", "subscription", "consent", "grant",
    "receipt", "agreement", "split", "statement", "posting", "job", "journey", "event", "link",
    "mandate",
}  # fmt: skip
# Event subjects that are written shorter than the term.
SHORT: Final = {
    "anchor": "trust anchor",
    "rate": "exchange rate",
    "records": "call record",
}


def entries() -> list[list[str]]:
    """The cells of each row: term, Chinese, meaning, where."""
    rows = re.findall(r"^\| (.+) \|$", PAGE.read_text(), re.MULTILINE)
    cells = [row.split(" | ") for row in rows]
    return [each for each in cells if each[0] not in ("term", "---")]


def defined() -> set[str]:
    """The terms of the rows, and those in italics that a row defines along with its own."""
    named = {term for each in entries() for term in re.findall(r"\*([a-z -]+)\*", each[2])}
    return {each[0] for each in entries()} | named


def singular(name: str) -> str:
    words = name.replace("_", " ")
    return re.sub(r"ies$", "y", words) if words.endswith("ies") else words.removesuffix("s")


@cache
def names_in_code() -> set[str]:
    """What folders, modules, classes and declared tables are called, one thing each."""
    found = {singular(folder.name) for folder in folders()}
    for module in (path for folder in folders() for path in folder.glob("*.py")):
        found.add(singular(module.stem))
        body = ast.parse(module.read_text()).body
        found |= {each.name.lower() for each in body if isinstance(each, ast.ClassDef)}
    declared = {name for room in rooms.declarations() for name in vars(room)}
    found |= {singular(name.lower()) for name in declared}
    return found - {"control"}  # here it is a process


def test_the_words_of_the_design_that_the_code_uses_are_there() -> None:
    used = {term for term in VOCABULARY if singular(term) in names_in_code()}
    assert used >= BUILT
    assert used - defined() == set()


@pytest.mark.parametrize("subject", sorted({name.partition(".")[0] for name in rooms.events()}))
def test_what_an_event_happens_to_is_there(subject: str) -> None:
    terms = {subject.replace("_", " "), singular(subject), SHORT.get(subject, "")}
    assert terms & defined(), "what an auditor reads about must have an entry"


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry[0])
def test_an_entry_speaks_both_languages_and_says_where_it_lives(entry: list[str]) -> None:
    term, chinese, meaning, where = entry
    assert re.fullmatch(r"[a-z][a-z -]+", term)
    assert CHINESE.search(chinese)
    assert re.search(r"[.)]$", meaning)
    places = re.findall(r"`([^`]+)`", where)
    assert places or "](" in where
    assert [place for place in places if not (WEIR / place).exists()] == []


def test_the_terms_of_a_part_are_in_alphabetical_order() -> None:
    for part in PAGE.read_text().split("\n## ")[1:]:
        terms = re.findall(r"^\| ([a-z -]+) \|", part, re.MULTILINE)[1:]
        assert terms == sorted(terms), part.splitlines()[0]
