"""The demo's browser reads pages as they are and sends only what a page offers."""

from typing import Any

import httpx
import pytest

from weir.client.errors import ProtocolError
from weir.client.exchange import Answer
from weir_demo.browser import Browser, _page

PAGE = b"""<!doctype html><title>t</title>
<form method="post" action="/sign-out"><input type="hidden" name="form_token" value="a"></form>
<form method="post">
<input type="hidden" name="form_token" value="b&amp;c">
<input type="checkbox" name="account-0" value="rb-1">
<input name="name" value="">
<button name="answer" value="no">No</button><button name="answer" value="yes">Yes &amp; go</button>
</form>"""


def answer(content: bytes) -> Answer:
    return Answer(200, httpx.Headers(), content)


def test_forms_are_read_with_their_hidden_fields_choices_and_buttons() -> None:
    page = _page("https://auth.localhost/x", answer(PAGE))
    form = page.form_with("answer")
    assert form.fields == {"form_token": "b&c", "name": ""}
    assert form.choices == [("account-0", "rb-1")]
    assert form.buttons == {("answer", "no"), ("answer", "yes")}
    assert "Yes & go" in page.text


def test_a_page_without_the_form_says_so() -> None:
    with pytest.raises(ProtocolError, match="has no form with passphrase"):
        _page("https://auth.localhost/x", answer(PAGE)).form_with("passphrase")


async def test_a_button_that_is_not_there_cannot_be_pressed_and_strangers_are_not_visited() -> None:
    nothing: Any = None  # neither request is ever sent
    browser = Browser(nothing, ("https://auth.localhost",))
    page = _page("https://auth.localhost/x", answer(PAGE))
    with pytest.raises(ProtocolError, match="has no button"):
        await browser.send(page, page.form_with("answer"), {}, ("answer", "maybe"))
    left = await browser.open("https://mall.example/back?code=1")
    assert left.left == "https://mall.example/back?code=1"
