"""Founding of an alliance with the one-time link, before any party has a certificate."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from weir.client.credentials import Credentials
from weir.client.errors import ProtocolError, WeirError
from weir.client.exchange import Exchange
from weir.client.platform import Platform
from weir.client.profile import Profile
from weir.client.session import refused


async def claim(
    link: str,
    platform: Platform,
    credentials: Credentials,
    *,
    slug: str,
    name_en: str,
    name_zh: str,
) -> tuple[Profile, dict[str, Any]]:
    """Use the link that `weir up` printed; return the operator's profile and the API's answer.

    The secret stands behind the link's `#`; it is sent in the body, never in an address. The answer
    holds `sign_in_link`, which makes the first operator's sign-in at the portal.
    """
    parts = urlsplit(link)
    if parts.scheme != "https" or not parts.netloc or not parts.fragment:
        raise WeirError("That is not a founding link; copy the whole link, with what follows #.")
    given = {
        "link_secret": parts.fragment,
        "slug": slug,
        "name_en": name_en,
        "name_zh": name_zh,
        "csr_pem": credentials.certificate_request(slug),
    }
    async with Exchange(platform.ca_file, connections=1) as exchange:
        answer = await exchange.send_json("POST", parts._replace(fragment="").geturl(), given)
    if answer.status != 201:
        raise (
            refused(answer) if answer.status >= 400 else ProtocolError("not the founding's answer")
        )
    founded = answer.object()
    certified = credentials.with_certificate(
        founded["certificate"]["pem"], founded["application"]["id"]
    )
    return Profile(platform, certified, founded["organisation"]["id"]), founded
