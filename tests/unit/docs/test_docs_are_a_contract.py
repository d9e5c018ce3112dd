"""The docs are a tested contract: every setting, refusal, event and metric has its words."""

from __future__ import annotations

import importlib.util
import re
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from weir.kernel import rooms
from weir.kernel.outcomes import Outcome

ROOT = Path(__file__).parents[3]
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def load_reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "scripts" / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


REFERENCE = load_reference()


@pytest.mark.parametrize("name", sorted(REFERENCE.pages()))
def test_a_reference_page_is_what_the_code_says(name: str) -> None:
    page = (ROOT / "docs" / "reference" / name).read_text()
    assert page == REFERENCE.pages()[name], "run: python scripts/reference.py"


@pytest.mark.parametrize("outcome", rooms.refusals().values(), ids=lambda each: each.code)
def test_every_refusal_speaks_both_languages(outcome: Outcome) -> None:
    assert re.fullmatch(r"[A-Z][^\n]*\.", outcome.en)
    assert outcome.en.isascii(), "error_description is ASCII by RFC 6749 section 5.2"
    assert CHINESE.search(outcome.zh)
    assert outcome.zh.endswith("。")


def test_every_refusal_is_raised_somewhere() -> None:
    source = "\n".join(path.read_text() for path in (ROOT / "src" / "weir").rglob("*.py"))
    constants = {
        name
        for module in rooms.declarations()
        for name, value in vars(module).items()
        if isinstance(value, Outcome)
    }
    words = Counter(re.findall(r"\w+", source))
    unused = {name for name in constants if words[name] < 2}
    assert unused == set(), "a refusal nobody gives is not a refusal"


def test_every_event_speaks_both_languages_and_is_written_somewhere() -> None:
    source = "\n".join(path.read_text() for path in (ROOT / "src" / "weir").rglob("*.py"))
    for name, (en, zh) in rooms.events().items():
        assert re.fullmatch(r"[a-z_]+\.[a-z_]+", name)
        assert en.endswith(".")
        assert CHINESE.search(zh)
        assert zh.endswith("。")
        assert source.count(f'"{name}"') >= 2, f"nothing writes {name}"


LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#]+)")


@pytest.mark.parametrize(
    "page",
    sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]),
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_every_link_inside_the_docs_leads_somewhere(page: Path) -> None:
    missing = [
        target for target in LINK.findall(page.read_text()) if not (page.parent / target).exists()
    ]
    assert missing == []


def test_both_readmes_have_the_same_commands_and_headings() -> None:
    english, chinese = (ROOT / name for name in ("README.md", "README.zh-CN.md"))
    blocks = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
    assert blocks.findall(english.read_text()) == blocks.findall(chinese.read_text())
    heading = re.compile(r"^(#+) ", re.MULTILINE)
    assert heading.findall(english.read_text()) == heading.findall(chinese.read_text())
