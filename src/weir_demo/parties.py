"""Founding and admission: each party makes its own key and acts by its own.

The founder, in person, lets parties in; what programs do they do by the applications made here.
"""

from __future__ import annotations

from weir.cli.up import founding_link
from weir.client.authorization import AuthorizationServer
from weir.client.credentials import AuthMethod, Credentials
from weir.client.exchange import Exchange
from weir.client.founding import claim
from weir.client.management.management import Management
from weir.client.profile import Profile
from weir_demo import staff
from weir_demo.cast import PARTNERS, Partner
from weir_demo.stage import Caller, Member, Running, Stage


async def found(stage: Stage) -> None:
    """Found the alliance by the one-time link that `weir up` would print, and sign in."""
    credentials = Credentials.generate(stage.profile_folder("operator"))
    profile, founded = await claim(
        founding_link(stage.installation),
        stage.platform,
        credentials,
        slug="operator",
        name_en="Delta Alliance",
        name_zh="三角洲开放联盟",
    )
    profile.save()
    stage.operator_organisation = founded["organisation"]["id"]
    stage.operator = await stage.resources.enter_async_context(Management.open(profile))
    browser = await staff.browser_of(stage)
    stage.founder = await staff.join(browser, founded["sign_in_link"], "founder")
    founder = await staff.founder(stage)
    invited = await founder.invitations.invite("The operator", "owner")
    stage.invitations.append(("The operator", invited["link"]))


async def admit(stage: Stage) -> None:
    """Admit three institutions and five partners, one of each class; one partner provides too."""
    for running in stage.institutions:
        if running.institution.licence_kind is not None:
            await admit_member(stage, running)
    for partner in PARTNERS:
        await admit_partner(stage, partner)
    for running in stage.institutions:
        slug = running.institution.slug
        if slug in stage.callers:
            caller = stage.callers[slug]
            provider = await _provider(stage, running, caller.organisation, caller.profile)
            stage.brought_in[slug] = provider
    await invite(stage)


async def invite(stage: Stage) -> None:
    """Invite an auditor, a bookkeeper, and the first owner of each party."""
    invitations = (await staff.founder(stage)).invitations
    auditor = await invitations.invite("Auditor", "auditor")
    stage.invitations.append(("An auditor", auditor["link"]))
    bookkeeper = await invitations.invite("Bookkeeper", "finance")
    stage.first_links["operator"] = bookkeeper["link"]
    for slug in (*stage.members, *stage.callers):
        made = await invitations.invite("Owner", organisation=slug)
        stage.first_links[slug] = made["link"]


async def admit_member(stage: Stage, running: Running) -> None:
    """Admit an institution, with an application of its own."""
    institution = running.institution
    assert institution.licence_kind is not None
    admitted = await stage.operating.organisations.admit_member(
        slug=institution.slug,
        name_en=institution.name_en,
        name_zh=institution.name_zh,
        licence_kind=institution.licence_kind,
        directory_url=f"{running.url}/directory",
    )
    profile = await _equip(
        stage, admitted["id"], institution.slug, institution.name_en, "private_key_jwt"
    )
    member = await _provider(stage, running, admitted["id"], profile)
    stage.members[institution.slug] = member


async def _provider(stage: Stage, running: Running, organisation: str, profile: Profile) -> Member:
    """Return a provider, connected to the platform and to its service's own log."""
    exchange = await stage.resources.enter_async_context(profile.exchange())
    return Member(
        running=running,
        organisation=organisation,
        management=await stage.resources.enter_async_context(Management.open(profile)),
        staff=await stage.resources.enter_async_context(
            Exchange(stage.platform.ca_file, running.staff_certificate, running.staff_key)
        ),
        exchange=exchange,
        server=await AuthorizationServer.discover(profile.platform, profile.credentials, exchange),
    )


async def admit_partner(stage: Stage, partner: Partner) -> None:
    """Admit a partner, with an application of its own."""
    admitted = await stage.operating.organisations.admit_partner(
        slug=partner.slug,
        name_en=partner.name_en,
        name_zh=partner.name_zh,
        partner_class=partner.partner_class,
    )
    profile = await _equip(
        stage,
        admitted["id"],
        partner.slug,
        partner.name_en,
        partner.auth_method,
        partner.roles,
        partner.redirect_uri,
    )
    exchange = await stage.resources.enter_async_context(profile.exchange())
    stage.callers[partner.slug] = Caller(
        partner=partner,
        profile=profile,
        exchange=exchange,
        server=await AuthorizationServer.discover(profile.platform, profile.credentials, exchange),
        organisation=admitted["id"],
    )


async def _equip(
    stage: Stage,
    organisation: str,
    slug: str,
    name: str,
    auth_method: AuthMethod,
    roles: tuple[str, ...] = (),
    redirect_uri: str | None = None,
) -> Profile:
    """Register a party's first application in person, for a key that the party makes."""
    credentials = Credentials.generate(stage.profile_folder(slug))
    founder = await staff.founder(stage)
    registered = await founder.applications.register(
        name=name,
        auth_method=auth_method,
        jwks=credentials.public_jwks(),
        redirect_uris=[redirect_uri] if redirect_uri and roles else [],
        roles=["manage", *roles],
        organisation=organisation,
    )
    issued = await founder.certificates.issue(
        registered["id"], credentials.certificate_request(slug)
    )
    certified = credentials.with_certificate(issued["pem"], registered["id"])
    profile = Profile(
        stage.platform, certified.registered_as(registered["id"], auth_method), organisation
    )
    profile.save()
    return profile
