"""Every page can be reached, and every template is shown."""

from __future__ import annotations

import re
from typing import Final

from repository import ROOT, WEIR

from weir.access.roles import ROLES
from weir.portal.desk.navigation import entries
from weir.portal.pages import desk_pages
from weir.portal.renderer import PAGES

KINDS: Final = ("operator", "member", "partner")


def markup() -> str:
    return "\n".join(path.read_text() for path in PAGES.rglob("*.html"))


def test_every_page_behind_the_sign_in_has_a_door_or_a_link() -> None:
    doors = {entry.address for kind in KINDS for role in ROLES for entry in entries(kind, role)}
    links = {link.rstrip("?") for link in re.findall(r'"(/[a-z/-]+\??)', markup())}
    plain = {address for address, _, _ in desk_pages() if "{" not in address}
    assert plain - doors - links == set(), "nobody finds it"


def test_every_door_stands_in_the_docs() -> None:
    """The first column of the table of rooms, where a row may hold two (`Documents, Products`)."""
    page = (ROOT / "docs" / "portal.md").read_text().partition("## The rooms")[2]
    written = set(", ".join(re.findall(r"^\| ([A-Z][\w, ]+) \|", page, re.MULTILINE)).split(", "))
    doors = {entry.en for kind in KINDS for role in ROLES for entry in entries(kind, role)}
    assert doors - written == set()


def test_every_template_is_shown_by_a_page_or_another_template() -> None:
    """A name may be put together: `desk/overview_{kind}.html` shows those of every kind."""
    sources = markup() + "\n".join(path.read_text() for path in (WEIR / "portal").rglob("*.py"))
    named = re.findall(r"""["']([\w/{}.-]+\.html)["']""", sources)
    shown = [re.compile(re.sub(r"{[^{}]*}", "[a-z]+", name)) for name in named]
    templates = {str(path.relative_to(PAGES)) for path in PAGES.rglob("*.html")}
    assert {each for each in templates if not any(name.fullmatch(each) for name in shown)} == set()
