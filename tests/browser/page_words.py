"""What pages say, in the visitor's language: taken from the product's own catalogue, so that a test
looks for the words a person reads and holds no copy of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from weir.portal import languages

_CATALOGUES: Final = languages.catalogues()


def saying(language: str) -> Callable[[str], str]:
    """From a template's message to the words on the page. It must be one that has Chinese."""
    chinese = _CATALOGUES[languages.CHINESE]

    def say(message: str) -> str:
        words = chinese.gettext(message)
        assert words != message, f"no template says {message!r}"
        return words if is_chinese(language) else message

    return say


def either(pair: tuple[str, str], language: str) -> str:
    """Of words in both languages, English first, those of this one."""
    return pair[is_chinese(language)]


def is_chinese(language: str) -> bool:
    return language.startswith("zh")
