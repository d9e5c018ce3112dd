"""Docstrings are sentences for a stranger: their subject is a noun or a verb in the imperative.

A docstring that begins with a pronoun or a question word makes its reader guess the thing that the
word stands for. The rule holds for every module and public name in `src`, room by room, and in the
code beside it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[3]
SRC: Final = ROOT / "src"
BESIDE: Final = ("bench", "checks", "scripts")

# First words that stand for a thing without naming it, or leave the sentence without a subject.
PRONOUNS: Final = frozenset(
    (
        "what", "who", "whose", "whom", "where", "when", "why", "how", "which", "that",
        "those", "these", "this", "it", "they", "them", "he", "she", "nobody", "somebody",
        "anybody", "everybody", "someone", "anyone", "everyone", "something", "anything",
        "nothing", "everything", "whoever", "whomever", "whatever", "whichever", "wherever",
        "whenever",
    )
)  # fmt: skip
PREPOSITIONS: Final = frozenset(
    (
        "after", "among", "as", "at", "before", "behind", "beside", "besides", "between",
        "by", "for", "from", "in", "of", "on", "over", "to", "under", "with", "without",
    )
)  # fmt: skip
# Pronouns that may not stand anywhere in the first paragraph.
RIDDLES: Final = re.compile(
    r"\b(?:nobody|somebody|anybody|whoever|whomever|those (?:of|who|whom|that|which))\b",
    re.IGNORECASE,
)
TRUTHS: Final = ("bool", "TypeGuard[", "TypeIs[")

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def room_of(path: Path) -> str:
    if not path.is_relative_to(SRC):
        return path.relative_to(ROOT).parts[0]
    package, *inner = path.relative_to(SRC).parts
    return inner[0] if package == "weir" and len(inner) > 1 else package


FILES: Final = sorted(
    path
    for folder in (SRC, *(ROOT / each for each in BESIDE))
    for path in folder.rglob("*.py")
    if "node_modules" not in path.parts
)
ROOMS: Final = sorted({room_of(path) for path in FILES})


def public(node: Documented) -> Iterator[Documented]:
    """Yield a module or class with all public names in it, to any depth of classes."""
    yield node
    if isinstance(node, ast.Module | ast.ClassDef):
        for inner in node.body:
            if not isinstance(inner, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            if not inner.name.startswith("_"):
                yield from public(inner)


def fault(node: Documented) -> str | None:
    """Return the fault of a node's docstring, None when it has none."""
    text = ast.get_docstring(node)
    if text is None:
        is_silent = isinstance(node, ast.Module) and bool(node.body)
        return "a module needs a docstring" if is_silent else None
    words = re.findall(r"^[A-Za-z]+", text)  # a name of the code, in backticks, is a noun
    first = words[0].lower() if words else ""
    if first in PRONOUNS or first in PREPOSITIONS:
        return f"it begins with {words[0]!r}: name the thing, or say what to do with it"
    if first == "whether" and not _is_truth(node):
        return "'Whether' is for what returns a bool"
    if isinstance(node, ast.Module) and not re.search(r"\.(?:\s|$)", text.splitlines()[0]):
        return "the first sentence of a module fits in its first line"
    if found := RIDDLES.search(text.split("\n\n", 1)[0]):
        return f"{found[0]!r} stands for something: name it"
    return None


def _is_truth(node: Documented) -> bool:
    returns = getattr(node, "returns", None)
    return returns is not None and ast.unparse(returns).startswith(TRUTHS)


def findings(room: str) -> list[str]:
    """Return the faults of a room, each with its file, line and name."""
    return [
        f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)} {getattr(node, 'name', '')} {why}"
        for path in FILES
        if room_of(path) == room
        for node in public(ast.parse(path.read_text()))
        if (why := fault(node)) is not None
    ]


@pytest.mark.parametrize("room", ROOMS)
def test_docstrings_name_their_subject(room: str) -> None:
    assert findings(room) == []


@pytest.mark.parametrize(
    "source",
    [
        '"""What is left of a call."""',
        '"""Whoever calls."""',
        '"""From bytes to a tree."""',
        '"""Those calls that failed."""',
        '"""Calls of nobody."""',
        '"""A job\nof steps."""',
        "pass",
        '"""Jobs."""\ndef count():\n    """How many jobs there are."""',
        '"""Jobs."""\nclass Job:\n    def end(self):\n        """Whose job ends."""',
        '"""Jobs."""\ndef owner() -> str:\n    """Whether a job has an owner."""',
        '"""Jobs."""\nasync def end():\n    """End a job\n    for whoever asks."""',
    ],
)
def test_a_riddle_is_found(source: str) -> None:
    found = [fault(node) for node in public(ast.parse(source))]
    assert sum(each is not None for each in found) == 1, found


@pytest.mark.parametrize(
    "source",
    [
        '"""Jobs: durable work in steps. Pure.\n\nWhat a step wrote commits with it."""',
        '"""Jobs."""\ndef is_open() -> bool:\n    """Whether a job is open."""',
        '"""Jobs."""\ndef _count():\n    """How many jobs there are."""',
        '"""Jobs."""\ndef count():\n    def inner():\n        """How many jobs there are."""',
        '"""Jobs."""\ndef end():\n    """End a job. INVALID_INPUT says what is wrong."""',
        '"""Jobs."""\ndef listed(after):\n    """`after` is the last identifier seen."""',
        "",
    ],
)
def test_a_plain_sentence_passes(source: str) -> None:
    assert [fault(node) for node in public(ast.parse(source)) if fault(node)] == []
