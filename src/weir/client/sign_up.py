"""Sign-up of a partner in the sandbox, before it has a certificate."""

from __future__ import annotations

from weir.client.errors import ProtocolError
from weir.client.exchange import Exchange
from weir.client.management.requests import Document
from weir.client.platform import Platform
from weir.client.session import refused


async def sign_up(platform: Platform, **told: str) -> Document:
    """Register an organisation and its first owner, and return the API's answer.

    `told` are name_en, name_zh, partner_class, display_name, name and passphrase. The owner sets a
    second factor at the first sign-in.
    """
    async with Exchange(platform.ca_file, connections=1) as exchange:
        address = f"{platform.public_manage_origin}/v1/sign-ups"
        answer = await exchange.send_json("POST", address, told)
    if answer.status >= 400:
        raise refused(answer)
    if answer.status != 201:
        raise ProtocolError("not the answer to a sign-up")
    return answer.object()
