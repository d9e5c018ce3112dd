"""A small honest browser of a person: cookies, links and forms as they are in the page.

It sends exactly the fields that a person's browser would: every hidden field of the form it found,
the fields that were filled in, the button that was pressed. It follows redirects until they leave
the platform, where it stops and gives the address, since there the partner's own site begins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import urljoin, urlsplit

from weir.client.errors import ProtocolError
from weir.client.exchange import Answer, Exchange

_REDIRECTS_AT_MOST: Final = 10


@dataclass(slots=True)
class Form:
    """A form of a page. `choices` are (name, value) of check boxes and radio buttons."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    choices: list[tuple[str, str]] = field(default_factory=list)
    buttons: set[tuple[str, str]] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Page:
    """A loaded page, with the addresses of its links.

    `left` is the address to which a redirect left the platform, if one did.
    """

    address: str
    status: int
    text: str
    forms: list[Form]
    left: str | None = None
    links: tuple[str, ...] = ()

    def form_with(self, name: str) -> Form:
        """Return the form with a field, choice or button of this name, or raise ProtocolError."""
        for form in self.forms:
            buttons, choices = (name_ for name_, _ in form.buttons), (n for n, _ in form.choices)
            if name in form.fields or name in buttons or name in choices:
                return form
        raise ProtocolError(f"{self.address} has no form with {name} (status {self.status})")


class Browser:
    """One person's browser."""

    def __init__(self, exchange: Exchange, origins: tuple[str, ...]) -> None:
        self._exchange = exchange
        self._origins = origins
        self._jar: dict[str, dict[str, str]] = {}

    async def open(self, address: str) -> Page:
        """Load a page, following redirects."""
        return await self._load("GET", address, None)

    async def send(
        self, page: Page, form: Form, filled: dict[str, str], button: tuple[str, str] | None = None
    ) -> Page:
        """Fill in and send a form. ProtocolError when it has no such button."""
        if button is not None and button not in form.buttons:
            raise ProtocolError(f"{page.address} has no button {button}")
        fields = form.fields | filled | (dict([button]) if button else {})
        return await self._load("POST", urljoin(page.address, form.action or ""), fields)

    async def _load(self, method: str, address: str, fields: dict[str, str] | None) -> Page:
        for _ in range(_REDIRECTS_AT_MOST):
            if _origin(address) not in self._origins:
                return Page(address, 0, "", [], left=address)
            answer = await self._ask(method, address, fields)
            self._keep_cookies(address, answer)
            if answer.status not in (301, 302, 303, 307, 308):
                return _page(address, answer)
            address = urljoin(address, answer.headers.get("location", ""))
            method, fields = "GET", None
        raise ProtocolError("redirected too often")

    async def _ask(self, method: str, address: str, fields: dict[str, str] | None) -> Answer:
        cookies = self._jar.get(_origin(address), {})
        headers = {"accept": "text/html", "accept-language": "en"}
        if cookies:
            headers["cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        return await self._exchange.send(method, address, form=fields, headers=headers)

    def _keep_cookies(self, address: str, answer: Answer) -> None:
        """Keep an answer's cookies for its origin alone, as the `__Host-` prefix demands."""
        jar = self._jar.setdefault(_origin(address), {})
        for line in answer.headers.get_list("set-cookie"):
            try:
                parsed = SimpleCookie(line)
            except CookieError as error:
                raise ProtocolError("a cookie cannot be read") from error
            for name, morsel in parsed.items():
                if morsel["max-age"] == "0" or not morsel.value:
                    jar.pop(name, None)
                else:
                    jar[name] = morsel.value


class _Reader(HTMLParser):
    """A parser that collects the forms of a page, and its words."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.words: list[str] = []
        self.links: list[str] = []
        self._open: Form | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        elif tag == "form":
            self._open = Form(values.get("action", ""))
            self.forms.append(self._open)
        elif self._open is not None and values.get("name"):
            self._add(self._open, tag, values)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def _add(self, form: Form, tag: str, values: dict[str, str]) -> None:
        named = (values["name"], values.get("value", ""))
        kind = values.get("type", "text")
        if tag == "button":
            form.buttons.add(named)
        elif tag == "input" and kind in ("checkbox", "radio"):
            form.choices.append(named)
        elif tag == "input" and kind != "submit":
            form.fields[named[0]] = named[1]


def _page(address: str, answer: Answer) -> Page:
    reader = _Reader()
    reader.feed(answer.content.decode("utf-8", "replace"))
    text = re.sub(r"\s+", " ", " ".join(reader.words)).strip()
    return Page(address, answer.status, text, reader.forms, links=tuple(reader.links))


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
