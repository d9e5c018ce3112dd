"""Every message of a page has its Chinese, and nothing in the catalogue is stale."""

from __future__ import annotations

import re

import pytest
from babel.messages.extract import extract_from_dir

from weir.consent.words import ENDED_BY, PERMISSIONS, STATES
from weir.kernel.rooms import refusals
from weir.portal import languages
from weir.portal.renderer import PAGES

PLACEHOLDER = re.compile(r"%\([a-z_]+\)s")
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def messages() -> set[str]:
    found = extract_from_dir(
        PAGES,
        method_map=[("**.html", "jinja2.ext:babel_extract")],
        options_map={"**.html": {"trim_blocks": "true", "lstrip_blocks": "true"}},
        keywords={"_": None, "ngettext": (1, 2)},
    )
    return {text if isinstance(text, str) else text[0] for _, _, text, _, _ in found}


def test_no_message_lacks_its_chinese_and_none_is_left_over() -> None:
    translated = set(languages.read_catalogue(languages.CATALOGUE))
    assert messages() - translated == set()
    assert translated - messages() == set()


def test_a_translation_keeps_every_placeholder() -> None:
    for message, text in languages.read_catalogue(languages.CATALOGUE).items():
        chinese = text if isinstance(text, str) else text[0]
        assert set(PLACEHOLDER.findall(chinese)) == set(PLACEHOLDER.findall(message)), message
        assert CHINESE.search(chinese), message


def test_words_outside_templates_are_in_both_languages() -> None:
    for table in (PERMISSIONS, STATES, ENDED_BY):
        for words in table.values():
            assert words.en.isascii()
            assert CHINESE.search(words.zh)
    assert all(CHINESE.search(outcome.zh) for outcome in refusals().values())


def test_templates_say_nothing_outside_the_catalogue() -> None:
    """Text between tags is either an expression, a name, or punctuation."""
    width = re.compile(r"\{% block width %\}.*?\{% endblock %\}")  # a class name
    for path in PAGES.rglob("*.html"):
        source = width.sub("", path.read_text())
        text = re.sub(r"(?s)\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<[^>]*>", " ", source)
        text = re.sub(r"weir|UTC|client_id|OpenAPI", "", text)  # alike in both languages
        assert not re.search(r"[A-Za-z\u4e00-\u9fff]{3,}", text), (path.name, text.split())


def test_templates_hold_no_inline_script_and_no_inline_style() -> None:
    for path in PAGES.rglob("*.html"):
        text = path.read_text()
        assert not re.search(r"<script(?! src=\"/static/[^\"]+\" defer></script>)", text), path.name
        assert not re.search(r"\son[a-z]+=|\sstyle=|\|safe", text), path.name


@pytest.mark.parametrize(
    ("query", "cookie", "accepted", "chosen"),
    [
        (None, None, None, "en"),
        ("zh-Hans", "en", "en", "zh-Hans"),
        ("xx", "zh-Hans", "en", "zh-Hans"),
        (None, None, "zh-CN,zh;q=0.9,en;q=0.8", "zh-Hans"),
        (None, None, "en;q=0.2, zh;q=0.1", "en"),
        (None, None, "fr, zh;q=0.5, en;q=x", "zh-Hans"),
        (None, None, "zh;q=0, en", "en"),
        (None, None, ",;q=,;;", "en"),
    ],
)
def test_the_language_is_asked_for_remembered_or_preferred(
    query: str | None, cookie: str | None, accepted: str | None, chosen: str
) -> None:
    assert languages.choose(query, cookie, accepted) == chosen
