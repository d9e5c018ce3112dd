"""What only the whole platform can show."""

from __future__ import annotations

import pytest
from platform_world import ACCOUNTS, World

pytestmark = pytest.mark.xdist_group("platform")


async def test_x(platform: World) -> None:
    caller = await platform.partner("first", ACCOUNTS)
    consented = await platform.consent(caller, await platform.customer())
    everywhere = await platform.connect_everywhere(caller)
    for connection in everywhere.values():
        heard = await connection.call(
            "GET",
            f"/river-bank/accounts/v1/accounts/{consented.accounts[0]}/balances",
            consented.token.access_token,
        )
        assert heard.status == 200
        assert len(platform.recorded(heard.interaction_id)) == 1
