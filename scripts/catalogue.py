"""Bring the pages' Chinese catalogue in line with the templates.

    .venv/bin/python scripts/catalogue.py

New messages are added without a translation, what no template says any more is dropped, and the
messages that still need their Chinese are listed. The words are then written into the .po file by
hand, by somebody who thinks in Chinese; tests/unit/portal/test_catalogue.py fails until they are.
"""

from __future__ import annotations

import sys

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from weir.portal import languages
from weir.portal.renderer import PAGES

_OPTIONS = {"trim_blocks": "true", "lstrip_blocks": "true"}


def extracted(known: Catalog) -> Catalog:
    """Every message of the templates, in their order, with the translation it has already."""
    fresh = Catalog(
        locale=known.locale,
        header_comment=known.header_comment,
        project=known.project,
        version=known.version,
        creation_date=known.creation_date,
        revision_date=known.revision_date,
        last_translator=known.last_translator,
        language_team=known.language_team,
        msgid_bugs_address=known.msgid_bugs_address or " ",
        charset="utf-8",
        fuzzy=False,
    )
    found = extract_from_dir(
        PAGES,
        method_map=[("**.html", "jinja2.ext:babel_extract")],
        options_map={"**.html": _OPTIONS},
        keywords={"_": None, "ngettext": (1, 2)},
    )
    for path, _, message, _, _ in found:
        before = known.get(message if isinstance(message, str) else message[0])
        fresh.add(message, before.string if before else None, locations=[(path, 0)])
    return fresh


def _has_words(text: str | tuple[str, ...] | None) -> bool:
    return bool(text) if isinstance(text, str | None) else any(text)


def main() -> int:
    """Rewrite the catalogue; the status says whether something waits for its Chinese."""
    with languages.CATALOGUE.open("rb") as file:
        known = read_po(file)
    fresh = extracted(known)
    with languages.CATALOGUE.open("wb") as file:
        write_po(file, fresh, width=100, include_lineno=False, sort_by_file=False)
    missing = [message.id for message in fresh if message.id and not _has_words(message.string)]
    for message in missing:
        print("no Chinese yet:", message)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
