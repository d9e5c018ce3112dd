"""The page of the first call: commands that people copy and run, so nobody else may write them."""

from __future__ import annotations

import html
import re
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE
from typing import Any

from consent_world import World
from staff_world import join


async def test_a_products_path_is_text_to_the_shell_that_it_is_pasted_into(
    world: World, portal_app: Any
) -> None:
    path = "/x$(id)';a&b"
    client = await world.register(world.shop, "tls_client_auth")
    await world.subscribe(client, await world.publish_product("hostile", path))
    person = await join(world, portal_app, world.shop.id, "partner", "developer")
    page = await person.get(f"/desk/applications/{client.id}/first-call")
    (shown,) = re.findall(r'<code id="call">([^<]+)<', page.text)
    word = html.unescape(shown).splitlines()[-1].strip()
    shell = await create_subprocess_exec("/bin/sh", "-c", f"printf %s {word}", stdout=PIPE)
    said, _ = await shell.communicate()
    assert said.decode().endswith(f"/river-bank/hostile/v1{path}")
    await person.browser.close()
