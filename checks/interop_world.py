"""A running weir for clients that know nothing of it: where it listens, and who may ask what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from platform_world import ACCOUNTS, BANK, World

from weir.client.credentials import AuthMethod, Credentials
from weir.client.management.management import Management
from weir_demo import parties
from weir_demo.cast import Partner
from weir_demo.stage import Caller


async def describe(world: World, flows: Iterable[str]) -> dict[str, Any]:
    """Make the applications and customers; everything the clients have to be told, as JSON.

    Each flow has a customer of its own: what one leaves behind is not another's to see, and who
    signs in ten times in five minutes has to wait.
    """
    with_key = await _partner(world, "with-key", "private_key_jwt")
    with_certificate = await _partner(world, "with-certificate", "tls_client_auth")
    signing = await _signing(world, with_key)
    platform = world.stage.platform
    return {
        "issuer": platform.issuer,
        "api": platform.public_api_origin,
        "api_mtls": platform.api_origin,
        "ca": str(platform.ca_file),
        "member": BANK.slug,
        "scope": ACCOUNTS,
        "portal": platform.portal_origin,
        "customers": {flow: await _customer(world) for flow in flows},
        "applications": {
            "with_key": _told(with_key),
            "with_certificate": _told(with_certificate),
            "with_signed_requests": _told(signing),
            "that_introspects": await _introspecting(world),
        },
    }


async def _customer(world: World) -> dict[str, str]:
    customer = await world.customer()
    return {
        "name": customer.sign_in_name,
        "passphrase": customer.passphrase,
        "reference": customer.reference,
    }


async def _partner(world: World, slug: str, method: AuthMethod) -> Caller:
    """A partner with one application that may ask the customers of the bank."""
    partner = Partner(slug, slug, f"互通伙伴 {slug}", "software_vendor", method, ("data",), ())
    await parties.admit_partner(world.stage, partner)
    caller = world.stage.callers[slug]
    await world.subscribe(caller, ACCOUNTS)
    return caller


async def _signing(world: World, owner: Caller) -> Caller:
    """A second application of a partner, registered as one that signs its requests."""
    credentials = Credentials.generate(world.stage.profile_folder("with-signed-requests"))
    async with Management.open(owner.profile) as management:
        registered = await management.applications.register(
            name="with-signed-requests",
            auth_method="private_key_jwt",
            jwks=credentials.public_jwks(),
            redirect_uris=[owner.partner.redirect_uri],
            roles=["data"],
            require_signed_request_object=True,
        )
        plan = await world.bank.management.plans.offer(
            world.bank.products["accounts"]["id"],
            name="for-signed-requests",
            currency="CNY",
            pricing={"components": []},
            auto_approve=True,
        )
        await management.subscriptions.request(registered["id"], plan["id"])
        await management.applications.set_backchannel(registered["id"], "poll")
    signing = credentials.registered_as(registered["id"], "private_key_jwt")
    return replace(owner, profile=replace(owner.profile, credentials=signing))


async def _introspecting(world: World) -> dict[str, str]:
    """A system of the bank's that asks what tokens are worth (RFC 7662)."""
    credentials = Credentials.generate(world.stage.profile_folder("that-introspects"))
    registered = await world.bank.management.applications.register(
        name="that-introspects",
        auth_method="private_key_jwt",
        jwks=credentials.public_jwks(),
        redirect_uris=[],
        roles=["introspect"],
    )
    return {"client_id": str(registered["id"]), "key": str(credentials.key_file)}


def _told(caller: Caller) -> dict[str, str]:
    credentials = caller.profile.credentials
    return {
        "client_id": credentials.client_id,
        "key": str(credentials.key_file),
        "certificate": str(credentials.certificate_file),
        "redirect_uri": caller.partner.redirect_uri,
    }
