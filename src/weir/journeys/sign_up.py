"""Sign-up: a developer registers an organisation and can use the sandbox at once.

No approval is needed, so a sign-up permits little: an organisation in the sandbox can subscribe to
sandbox products only, until the operator opens production for it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import asdict, dataclass
from secrets import token_hex

from sqlalchemy.ext.asyncio import AsyncConnection

from weir.access.roles import OWNER
from weir.identity import people
from weir.identity.passphrases import Passphrases, check_form
from weir.identity.people import Person, sign_in_name
from weir.identity.turns import Asker
from weir.journeys.declares import SIGN_UP_WINDOW_S, SIGN_UPS, TOO_MANY_SIGN_UPS
from weir.kernel import inputs
from weir.kernel.declares import INVALID_INPUT
from weir.kernel.outcomes import Refusal
from weir.keys.vault import PLATFORM
from weir.partners import organisations, registration_rules
from weir.partners.organisations import SANDBOX, Organisation
from weir.store.cache import Cache
from weir.store.database import Database
from weir.store.unit import Actor
from weir.wire.networks import wide_network_of

_NOT_SLUG = re.compile(r"[^a-z0-9]+")
_SLUG_CHARACTERS = 40


@dataclass(frozen=True, slots=True)
class SignUp:
    """The input of a sign-up: first about the organisation, then about the person."""

    name_en: str
    name_zh: str
    partner_class: str
    display_name: str
    name: str
    passphrase: str
    language: str


@dataclass(frozen=True, slots=True)
class SignedUp:
    """The result of a sign-up: the organisation and its first owner."""

    organisation: Organisation
    person: Person


async def sign_up(
    database: Database,
    cache: Cache,
    passphrases: Passphrases,
    given: SignUp,
    *,
    address: str,
    asker: Asker,
) -> SignedUp:
    """Make a partner in the sandbox and its first owner, in one unit of work.

    Refusal INVALID_INPUT, see `faults`; CONFLICT when the sign-in name is taken; TOO_MANY_SIGN_UPS
    from one network; SIGN_IN_BUSY while too many passphrases wait for their hash.
    """
    found = faults(given)
    if found:
        raise found[0]
    counted = await cache.count(f"sign-up:{wide_network_of(address)}", SIGN_UP_WINDOW_S)
    if counted > SIGN_UPS:
        raise Refusal(TOO_MANY_SIGN_UPS, f"{counted} from {wide_network_of(address)}")
    hashed = await passphrases.hash(given.passphrase, asker)
    async with database.unit(Actor(PLATFORM.organisation, "visitor")) as unit:
        slug = await _free_slug(unit.connection, given.name_en)
        facts = registration_rules.partner_facts(**_particulars(given), slug=slug)
        organisation = await organisations.admit(unit, facts, stage=SANDBOX)
        unit.audit("organisation.signed_up", organisation.id, {}, organisation.id)
        unit.actor = Actor(organisation.id, "visitor")
        person = await people.create(
            unit,
            name=given.name,
            display_name=given.display_name,
            passphrase_hash=hashed,
            kind="partner",
            organisation=organisation.id,
            language=given.language,
            role=OWNER,
        )
    return SignedUp(organisation, person)


def faults(given: SignUp) -> list[Refusal]:
    """Return all faults of the input at once, as refusals, so that the person can fix them all."""
    checks: tuple[Callable[[], object], ...] = (
        lambda: registration_rules.partner_facts(**_particulars(given), slug="any"),
        lambda: inputs.text(given.display_name, "/display_name"),
        lambda: sign_in_name(given.name),
        lambda: check_form(given.passphrase, given.name.strip()),
    )
    found = []
    for check in checks:
        try:
            check()
        except Refusal as refusal:
            if refusal.outcome is not INVALID_INPUT:
                raise
            found.append(refusal)
    return found


def _particulars(given: SignUp) -> dict[str, str]:
    """The facts of the organisation; the English name stands for a missing Chinese one."""
    told = asdict(given)
    return {
        "name_en": told["name_en"],
        "name_zh": told["name_zh"] or told["name_en"],
        "partner_class": told["partner_class"],
    }


async def _free_slug(connection: AsyncConnection, name: str) -> str:
    """A free slug made from the organisation's name, with a random suffix if it is taken."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = _NOT_SLUG.sub("-", plain).strip("-0123456789")[:_SLUG_CHARACTERS].strip("-") or "partner"
    if await organisations.find(connection, slug) is None:
        return slug
    return f"{slug}-{token_hex(3)}"
