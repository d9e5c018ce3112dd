"""Languages in which a customer is asked: the application may name the ones the customer reads.

OpenID Connect Core section 3.1.2.1, `ui_locales`: language tags of RFC 5646, the preferred first.
Unsupported languages are passed over; a language that the customer has chosen here goes first.
"""

from __future__ import annotations

import re
from typing import Final

from weir.authorization.declares import UI_LOCALES_CHARACTERS

SUPPORTED: Final = ("en", "zh-Hans")
# Kept by the browser until its next request: the language of the newest one.
ASKED_LANGUAGE_COOKIE: Final = "__Host-weir-asked-language"

_BY_LANGUAGE: Final = {tag.partition("-")[0]: tag for tag in SUPPORTED}
# RFC 5646 section 2.1: subtags of one to eight letters and digits, of which the first is letters.
_TAG: Final = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*", re.ASCII)


def supported(tag: str) -> str | None:
    """Return the supported language for a reader of this one, if there is one.

    Chinese is in its simplified characters, wherever it is spoken.
    """
    return _BY_LANGUAGE.get(tag.partition("-")[0].lower())


def preferred(text: str) -> str | None:
    """Return the first supported of a list of tags with one space between each; None if none is.

    ValueError when it is not such a list, or too long.
    """
    tags = text.split(" ")
    if len(text) > UI_LOCALES_CHARACTERS or not all(map(_TAG.fullmatch, tags)):
        raise ValueError("not a list of language tags")
    return next(filter(None, map(supported, tags)), None)
