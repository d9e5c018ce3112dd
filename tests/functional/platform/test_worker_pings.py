"""Pings (CIBA) by the worker process: delivered, tried again, and never to a place within."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from platform_world import ACCOUNTS, BANK, World

from waits import PATIENCE_S, until
from weir.client import Backchannel, Management, Question
from weir.client.errors import OAuthError
from weir_demo import consents, parties
from weir_demo.cast import Partner
from weir_demo.stage import Caller, Customer

pytestmark = pytest.mark.xdist_group("platform")

ALLOWED, WITHIN = "127.0.0.1", "127.0.0.2"  # the platform of these tests allows the first alone


@dataclass
class Endpoint:
    """An application's notification endpoint, listening at both addresses."""

    statuses: list[int]  # one a request; 0 says nothing until the caller is gone
    port: int = 0
    seen: list[tuple[str, bytes]] = field(default_factory=list)  # authorization, body
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def at(self, address: str) -> str:
        return f"https://{address}:{self.port}/ciba"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        fields = {name.lower(): value for name, _, value in (one.partition(": ") for one in lines)}
        body = await reader.readexactly(int(fields["content-length"]))
        self.seen.append((fields["authorization"], body))
        self.changed.set()
        status = self.statuses.pop(0)
        if status:
            writer.write(f"HTTP/1.1 {status} x\r\ncontent-length: 0\r\n\r\n".encode())
            await writer.drain()
        else:
            await reader.read()
        writer.close()

    async def heard(self, count: int) -> None:
        """Wait until so many requests have come."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.seen) < count:
                self.changed.clear()
                await self.changed.wait()


@pytest.fixture
async def endpoint(platform: World) -> AsyncIterator[Endpoint]:
    own = platform.authority.issue_own("pinged", [ALLOWED, WITHIN])
    chain = platform.folder / "pinged.pem"
    chain.write_text(own.key_pem + own.certificate.pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain)
    endpoint = Endpoint([503, 0, 204])
    first = await asyncio.start_server(endpoint.answer, ALLOWED, 0, ssl=context)
    endpoint.port = first.sockets[0].getsockname()[1]
    second = await asyncio.start_server(endpoint.answer, WITHIN, endpoint.port, ssl=context)
    yield endpoint
    first.close()
    second.close()


async def register(caller: Caller, address: str) -> None:
    async with Management.open(caller.profile) as management:
        application = caller.profile.credentials.client_id
        await management.applications.set_backchannel(application, "ping", address)


async def ask(platform: World, caller: Caller, customer: Customer) -> Question:
    """Ask, and let the customer say no on the portal's pages."""
    details = consents.access(BANK.slug, ("ReadAccounts",), "See it", timedelta(days=1))
    question = await Backchannel(caller.server).ask(
        scope=ACCOUNTS,
        authorization_details=[details],
        binding_message="W4SCT",
        login_hint=customer.reference,
    )
    ((consent,),) = await platform.sql(
        "SELECT consent FROM backchannel_requests WHERE state = 'awaiting'"
    )
    address = f"{platform.stage.platform.portal_origin}/my/questions/{consent}"
    page = await customer.browser.open(address)
    if "passphrase" in page.text:
        filled = {"name": customer.sign_in_name, "passphrase": customer.passphrase}
        page = await customer.browser.send(page, page.form_with("passphrase"), filled)
    await customer.browser.send(page, page.form_with("answer"), {}, ("answer", "no"))
    return question


async def let_it_be_due(platform: World) -> None:
    """The pause before the next try is over."""
    await platform.sql(
        "UPDATE backchannel_requests SET ping_at = now() WHERE ping_at IS NOT NULL"
        " RETURNING consent"
    )


async def test_a_worker_delivers_pings_also_when_one_dies_and_calls_no_place_within(
    platform: World, endpoint: Endpoint
) -> None:
    partner = Partner(
        "pinged", "pinged", "回执", "software_vendor", "private_key_jwt", ("data",), ()
    )
    await parties.admit_partner(platform.stage, partner)
    caller = platform.stage.callers["pinged"]
    await platform.subscribe(caller, ACCOUNTS)
    customer = await platform.customer()
    await register(caller, endpoint.at(ALLOWED))

    question = await ask(platform, caller, customer)
    await endpoint.heard(1)  # and answered 503
    await let_it_be_due(platform)
    await endpoint.heard(2)
    async with platform.tending():
        platform.kill(platform.role("worker"))  # it never hears the answer
    await let_it_be_due(platform)
    await endpoint.heard(3)
    assert all(question.is_answered_by(*each) for each in endpoint.seen)
    with pytest.raises(OAuthError, match="access_denied"):
        await Backchannel(caller.server).collect(question)

    await register(caller, endpoint.at(WITHIN))
    await ask(platform, caller, customer)
    log = platform.installation.home.log_path(platform.role("worker").label)
    await until(lambda: "no address that may be called" in log.read_text())
    assert len(endpoint.seen) == 3
