"""What pages load comes from the package, and is what it says it is."""

from __future__ import annotations

import re
from hashlib import sha256

from weir.portal import assets

# npm: htmx.org 2.0.11, dist/htmx.min.js
HTMX_SHA256 = "d6fdc75f204e6bdefa99b69bf1e6d4ac69b8a364f77929f45c13476b4000f717"


def test_htmx_is_the_published_file() -> None:
    assert sha256(assets.STATIC[assets.HTMX]).hexdigest() == HTMX_SHA256


def test_style_sheets_load_nothing_and_name_every_colour_in_the_tokens() -> None:
    sheet = assets.STATIC["weir.css"].decode()
    assert "@import" not in sheet
    assert "url(" not in sheet
    rules = sheet[sheet.index("*,\n") : sheet.index("@media print")]
    assert re.findall(r"#[0-9a-f]{3,8}\b|rgb\(", rules) == []


def test_the_dark_set_names_what_the_light_set_names() -> None:
    def names(sheet: bytes) -> set[str]:
        return set(re.findall(r"^  (--[a-z-]+): (?:#|0 )", sheet.decode(), re.MULTILINE))

    light = assets.STATIC["weir.css"].split(b"@media")[0]
    assert names(light) == names(assets.STATIC["dark.css"])


def test_every_asset_has_a_media_type() -> None:
    for name in assets.STATIC:
        assert "/" in assets.media_type(name)
