"""The shelf of the demo: its products, their plans and splits, and the subscriptions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from weir.client.management.management import Management
from weir.client.management.requests import collect
from weir.client.pricing import free
from weir_demo.cast import (
    BROUGHT_IN_FOR,
    CURRENCY,
    FIRST_STEPS,
    FIRST_STEPS_QUOTA,
    TRIAL,
    TRIAL_QUOTA,
    Declared,
    Offer,
)
from weir_demo.shelf_words import WORDS
from weir_demo.stage import Member, Stage


async def fill_shelf(stage: Stage) -> None:
    """Publish every provider's products, also the product that a partner brings in."""
    for member in stage.providers.values():
        await stock(member)
    await _count(stage)


async def stock(member: Member) -> None:
    """Import an institution's document, declare what its operations need, and publish products."""
    institution = member.running.institution
    management = member.management
    made = await management.documents.import_document(
        institution.slug, member.running.url, member.running.document
    )
    listed = await collect(management.capabilities.list(made["document"]["id"]))
    capabilities = {each["operation_id"]: each["id"] for each in listed}
    for offer in institution.offers:
        for operation, declared in offer.operations.items():
            await _declare(management, capabilities[operation], declared)
        held = [capabilities[operation] for operation in offer.operations]
        await _publish(member, offer, held)


async def _declare(management: Management, capability: str, declared: Declared) -> None:
    await management.capabilities.declare(
        capability,
        consent_type=declared.consent_type,
        permission=declared.permission,
        moves_money=declared.moves_money,
        bindings=declared.bindings or None,
    )


async def _publish(member: Member, offer: Offer, capabilities: list[str]) -> None:
    products = member.management.products
    drafted = await products.draft(
        slug=offer.slug,
        title_en=offer.title_en,
        title_zh=offer.title_zh,
        sandbox=True,  # model institutions answer
        capabilities=capabilities,
        direction="go-out" if member.running.institution.licence_kind else "bring-in",
        **WORDS.get(f"{member.running.institution.slug}.{offer.slug}", {}),
    )
    member.products[offer.slug] = await products.publish(drafted["id"])


async def _count(stage: Stage) -> None:
    """Read the alliance's figures back from the management API."""
    organisations = stage.operating.organisations
    products = await collect(stage.operating.shelf.list())
    details = [await stage.operating.products.get(each["id"]) for each in products]
    stage.figures.alliance = {
        "members": len(await collect(organisations.list("member"))),
        "partners": len(await collect(organisations.list("partner"))),
        "products": len(products),
        "operations": sum(len(each["capabilities"]) for each in details),
    }


async def agree(stage: Stage) -> None:
    """Offer plans, agree on splits, and request and approve subscriptions."""
    stage.opened_at = datetime.now(UTC).replace(microsecond=0)
    plans: dict[str, str] = {}
    for slug, member in stage.providers.items():
        for offer in member.running.institution.offers:
            product = member.products[offer.slug]
            plan = await _offer(member.management, product, "standard", offer.pricing)
            plans[f"{slug}.{offer.slug}"] = plan["id"]
            await split(stage, member, product, offer)
    await _subscribe(stage, plans, await _free_plans(stage))
    await _bring_in(stage, plans)


async def _bring_in(stage: Stage, plans: dict[str, str]) -> None:
    """Subscribe a member to a partner's product; here the partner approves."""
    taker = stage.members[BROUGHT_IN_FOR]
    for slug, provider in stage.brought_in.items():
        for offer in provider.running.institution.offers:
            application = stage.credentials(BROUGHT_IN_FOR).client_id
            asked = await taker.management.subscriptions.request(
                application, plans[f"{slug}.{offer.slug}"]
            )
            await provider.management.subscriptions.act(asked["id"], "approve")


async def _free_plans(stage: Stage) -> str:
    """Offer plans without a price: some to begin with, and the trial that is to run out.

    Returns the trial plan's identifier.
    """
    member_slug, product_slug = TRIAL[1].split(".")
    member = stage.members[member_slug]
    product = member.products[product_slug]
    trial = await _offer(member.management, product, "trial", free(), TRIAL_QUOTA)
    for slug in FIRST_STEPS:
        owner, named = slug.split(".")
        await _first_steps(stage.members[owner], named)
    return str(trial["id"])


async def _first_steps(member: Member, product: str) -> None:
    """Offer the plan that approves at once, so that a developer can try the product out."""
    held = member.products[product]
    quota = FIRST_STEPS_QUOTA
    await _offer(member.management, held, "first-steps", free(), quota, at_once=True)


async def _offer(
    management: Management,
    product: dict[str, Any],
    name: str,
    pricing: dict[str, Any],
    quota: int | None = None,
    *,
    at_once: bool = False,
) -> dict[str, Any]:
    """Offer a plan, with a quota a day or none, and return it."""
    return await management.plans.offer(
        product["id"],
        name=name,
        currency=CURRENCY,
        pricing=pricing,
        quota="unlimited" if quota is None else quota,
        quota_period=None if quota is None else "day",
        auto_approve=at_once,
    )


async def split(stage: Stage, member: Member, product: dict[str, Any], offer: Offer) -> None:
    """Propose and accept the split of a product's revenue, from the opening on."""
    assert stage.opened_at is not None
    proposed = await member.management.agreements.propose(
        product["id"],
        stage.credentials(member.running.institution.slug),
        effective_from=stage.opened_at.isoformat(),
        currency=CURRENCY,
        shares=offer.shares,
    )
    await stage.operating.agreements.accept(proposed["id"], stage.credentials("operator"))


async def _subscribe(stage: Stage, plans: dict[str, str], trial: str) -> None:
    """Request every partner's subscriptions in its own name; the product's owner approves."""
    for caller in stage.callers.values():
        async with Management.open(caller.profile) as management:
            for product in caller.partner.products:
                under_trial = (caller.partner.slug, product) == TRIAL
                asked = await management.subscriptions.request(
                    caller.profile.credentials.client_id,
                    trial if under_trial else plans[product],
                )
                owner = stage.members[product.split(".")[0]]
                await owner.management.subscriptions.act(asked["id"], "approve")
