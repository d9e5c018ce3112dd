"""Look-alike names: the form under which two names that people confuse are the same.

A name's form leaves only what the eye tells apart: case, accents, spaces and punctuation go,
characters that look alike become one (the confusables of UTS #39 section 4), and traditional
Chinese characters become simplified ones.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from typing import Final

import opencc
from confusable_homoglyphs.confusables import confusables_data

# Told apart in some typefaces only, and not confusable by the standard once capitals are gone.
_ALSO: Final = str.maketrans({"i": "l", "1": "l", "0": "o"})
_STEPS_AT_MOST: Final = 8  # no character takes more than four
_SIMPLER: Final = opencc.OpenCC("t2s")


def folded(name: str) -> str:
    """Return the form of a name that all its look-alikes share; empty when nothing can be seen."""
    form = name
    for _ in range(_STEPS_AT_MOST):  # what one step makes may look like something else again
        before, form = form, _once(form)
        if form == before:
            break
    return form


def _once(name: str) -> str:
    plain = unicodedata.normalize("NFKC", "".join(each for each in name if not _is_mark(each)))
    plain = "".join(_prototypes().get(each, each) for each in plain).casefold()
    bare = unicodedata.normalize("NFKD", _SIMPLER.convert(plain))
    return "".join(each for each in bare if each.isalnum()).translate(_ALSO)


def _is_mark(character: str) -> bool:
    """Whether a symbol's compatible form is a word, as of a trade mark, and no part of the name."""
    symbol = unicodedata.category(character).startswith("S")
    return symbol and len(unicodedata.normalize("NFKC", character)) > 1


@cache
def _prototypes() -> dict[str, str]:
    """The one character, or few, that stand for each confusable character.

    The data pair every character with its prototype in both directions; the prototype is the one
    with more partners, and of a pair the longer or the earlier. A letter stands for no mark, such
    as a radical of Chinese characters, which would leave nothing of the name.
    """
    partners = {
        character: [each["c"].strip("\u200e") for each in pairs]
        for character, pairs in confusables_data.items()
    }

    def rank(character: str) -> tuple[int, int, str]:
        return (-len(partners.get(character, ())), -len(character), character)

    def worded(character: str, others: list[str]) -> list[str]:
        candidates = [character, *others]
        if not character.isalnum():
            return candidates
        return [each for each in candidates if each.isalnum()]

    return {
        character: min(worded(character, others), key=rank)
        for character, others in partners.items()
    }
