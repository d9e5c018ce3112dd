"""Search terms of a text: words of Latin letters, and pairs of Chinese characters. Pure.

PostgreSQL's own parsers do not split Chinese, and its trigrams miss words of two characters, which
most Chinese words are. So a run of Chinese is indexed by its overlapping pairs (`账户余额` by
`账户`, `户余`, `余额`, and by its last character alone), and searched for by the same pairs. A
single character, and the last Latin word, match every term that begins with them: people see
hits while they type.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, Literal

from weir.shelf.declares import SEARCH_TERMS_ASKED, SEARCH_TERMS_INDEXED

Weight = Literal["A", "B", "C", "D"]

_CHINESE: Final = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_RUN: Final = re.compile(rf"[{_CHINESE}]+|[a-z0-9]+")
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_MOST_POSITION: Final = 16_383  # the highest that PostgreSQL keeps (textsearch limitations)


def runs(text: str) -> list[str]:
    """Return the Chinese runs and Latin words of a text; `createdAt` is two, plurals are cut."""
    plain = _folded(_HUMP.sub(" ", text))
    return [each if _is_chinese(each) else _singular(each) for each in _RUN.findall(plain)]


def index_terms(text: str) -> list[str]:
    """Return all terms of a text, in its order."""
    return [term for run in runs(text) for term in _terms(run)]


def vector(parts: Iterable[tuple[Weight, str]]) -> str:
    """Return the text of a tsvector for weighted parts, most important first.

    Each term is there once, where it weighs most.
    """
    placed: dict[str, str] = {}
    for weight, text in parts:
        for term in index_terms(text):
            if len(placed) >= SEARCH_TERMS_INDEXED:
                break
            placed.setdefault(term, f"{min(len(placed) + 1, _MOST_POSITION)}{weight}")
    return " ".join(f"'{term}':{place}" for term, place in placed.items())


def query(text: str) -> str:
    """Return the text of a tsquery for words typed so far; empty when there is no term in them."""
    wanted: list[str] = []
    found = runs(text)[:SEARCH_TERMS_ASKED]
    for place, run in enumerate(found):
        open_ended = len(run) == 1 if _is_chinese(run) else place == len(found) - 1
        wanted += [f"'{run}':*"] if open_ended else [f"'{each}'" for each in _asked(run)]
    return " & ".join(dict.fromkeys(wanted[:SEARCH_TERMS_ASKED]))


def mark_matches(text: str, asked: str) -> list[tuple[str, bool]]:
    """Split a text into pieces, each with whether it matches the words asked for."""
    pattern = _pattern(asked)
    if pattern is None:
        return [(text, False)]
    folded, places = _placed(text)
    pieces, done = [], 0
    for match in pattern.finditer(folded):
        start = max(done, places[match.start()])
        end = max(
            places[match.end() - 1] + 1, places[match.end()]
        )  # includes the accents that follow
        pieces += [(text[done:start], False), (text[start:end], True)]
        done = end
    return [(piece, found) for piece, found in [*pieces, (text[done:], False)] if piece]


def _folded(text: str) -> str:
    """Return a text for comparison: without case, accents (`é` is `e`) and width (`Ａ` is `a`)."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text)
    return "".join(each for each in apart if not unicodedata.combining(each)).casefold()


_folded_character: Final = lru_cache(maxsize=8_192)(_folded)


def _placed(text: str) -> tuple[str, Sequence[int]]:
    """Return a text for comparison, and the place in the original of each of its characters."""
    if text.isascii():
        return _folded(text), range(len(text) + 1)
    folded = [_folded_character(each) for each in text]
    places = [place for place, each in enumerate(folded) for _ in each]
    return "".join(folded), [*places, len(text)]


@lru_cache(maxsize=256)  # a page marks a hundred texts by the same words
def _pattern(asked: str) -> re.Pattern[str] | None:
    """Return a pattern for all terms of the words asked for; None without any."""
    wanted = "|".join(
        re.escape(each) if _is_chinese(each) else rf"(?<![a-z0-9]){re.escape(each)}"
        for each in _wanted(asked)
    )
    return re.compile(wanted) if wanted else None


def _wanted(asked: str) -> Sequence[str]:
    """Return the terms to mark, longest first: whole Chinese runs, then their pairs, and words."""
    found = runs(asked)[:SEARCH_TERMS_ASKED]
    pairs = [pair for run in found if _is_chinese(run) for pair in _asked(run)]
    return sorted(dict.fromkeys([*found, *pairs]), key=len, reverse=True)


def _terms(run: str) -> list[str]:
    if not _is_chinese(run):
        return [run]
    return [*_asked(run), run[-1]] if len(run) > 1 else [run]


def _asked(run: str) -> list[str]:
    if not _is_chinese(run) or len(run) == 1:
        return [run]
    return [run[at : at + 2] for at in range(len(run) - 1)]


def _is_chinese(run: str) -> bool:
    return run[0] > "\u3000"


def _singular(word: str) -> str:
    """Cut a plural, so that `payments` finds `payment` and back; no grammar beyond that."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word
