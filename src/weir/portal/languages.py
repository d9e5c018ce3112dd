"""The language of a page and its catalogue of messages, read from .po files at the start."""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from babel.messages.pofile import read_po
from starlette.requests import Request

from weir.authorization.grammar import locales

ENGLISH: Final = "en"
CHINESE: Final = "zh-Hans"
LANGUAGES: Final[dict[str, str]] = {ENGLISH: "English", CHINESE: "中文"}
LANGUAGE_COOKIE: Final = "__Host-weir-language"

LOCALE_FOLDER: Final = Path(__file__).parent / "locale"
CATALOGUE: Final = LOCALE_FOLDER / "zh_Hans" / "LC_MESSAGES" / "weir.po"


class Catalogue(gettext.NullTranslations):
    """The messages of one language. English messages are those in the templates themselves."""

    def __init__(self, messages: Mapping[str, str | tuple[str, ...]]) -> None:
        super().__init__()
        self._messages = messages

    def gettext(self, message: str) -> str:
        found = self._messages.get(message)
        return found if isinstance(found, str) else message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """Return the form for `n`. Chinese has one form for every number."""
        found = self._messages.get(msgid1)
        if isinstance(found, tuple):
            return found[0]
        return msgid1 if n == 1 else msgid2


def catalogues() -> dict[str, Catalogue]:
    """Return the catalogue of every language, by its tag."""
    return {ENGLISH: Catalogue({}), CHINESE: Catalogue(read_catalogue(CATALOGUE))}


def read_catalogue(path: Path) -> dict[str, str | tuple[str, ...]]:
    """Return translated messages of a .po file by message id; a message with plural forms has a
    tuple of them. Messages without a translation are left out.
    """
    with path.open("rb") as file:
        catalogue = read_po(file)
    messages: dict[str, str | tuple[str, ...]] = {}
    for message in catalogue:
        if message.id and message.string and not message.fuzzy:
            name = message.id if isinstance(message.id, str) else message.id[0]
            text = message.string
            messages[name] = text if isinstance(text, str) else tuple(text)
    return messages


def of(request: Request) -> str:
    """Return the language of a request's pages."""
    return choose(
        request.query_params.get("lang"),
        request.cookies.get(LANGUAGE_COOKIE),
        request.headers.get("accept-language"),
        request.cookies.get(locales.ASKED_LANGUAGE_COOKIE),
    )


def choose(
    query: str | None, cookie: str | None, accepted: str | None, asked_for: str | None = None
) -> str:
    """Choose the language: `?lang=`, the cookie, what an application asked for, the browser's.

    `accepted` is the Accept-Language header (RFC 9110 section 12.5.4).
    """
    for asked in (query, cookie, asked_for):
        if asked in LANGUAGES:
            return str(asked)
    ranked = sorted(_preferences(accepted or ""), key=lambda each: -each[1])
    for tag, _ in ranked:
        known = locales.supported(tag)
        if known is not None:
            return known
    return ENGLISH


def _preferences(accepted: str) -> list[tuple[str, float]]:
    """Return (tag, weight) of an Accept-Language header's ranges (RFC 9110 section 12.5.4)."""
    preferences = []
    for part in accepted[:200].split(","):
        tag, _, quality = part.partition(";q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            continue
        if weight > 0:
            preferences.append((tag.strip().lower(), weight))
    return preferences
