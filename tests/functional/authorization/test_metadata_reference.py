"""docs/metadata.md explains every field that the discovery document has, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from consent_world import World

PAGE = Path(__file__).parents[3] / "docs" / "metadata.md"
ROW = re.compile(r"^\| `([a-z_]+)` \| [A-Z`].+ \| .+ \|$", re.M)


async def test_every_field_served_has_its_words(world: World) -> None:
    served = await world.auth.get(
        "/.well-known/oauth-authorization-server", headers=world.headers(None)
    )
    explained = ROW.findall(PAGE.read_text("utf-8"))
    assert len(set(explained)) == len(explained)
    assert set(explained) == set(served.json())


async def test_both_addresses_serve_the_same(world: World) -> None:
    names = ("oauth-authorization-server", "openid-configuration")
    answers = [
        (await world.auth.get(f"/.well-known/{name}", headers=world.headers(None))).json()
        for name in names
    ]
    assert answers[0] == answers[1]
