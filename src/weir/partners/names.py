"""Names of parties and their applications: a name, with all its look-alikes, is one party's.

Names that the alliance has admitted are reserved. A name that an organisation took in the sandbox
gives way to a party that is admitted under it.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import delete, or_, select
from sqlalchemy.dialects.postgresql import insert

from weir.kernel import inputs
from weir.kernel.declares import CONFLICT
from weir.kernel.look_alikes import folded
from weir.kernel.outcomes import Refusal
from weir.partners.tables import applications, names, organisations
from weir.store.unit import UnitOfWork


async def claim(
    unit: UnitOfWork, organisation: str, given: Mapping[str, str], *, admitted: bool
) -> None:
    """Take names for an organisation; `given` are the names by JSON pointer.

    Refusal CONFLICT when another party has one that looks alike; a party that is `admitted` takes
    it from one in the sandbox. INVALID_INPUT for a name of marks alone.
    """
    # In one order, so that two who take the same names do not wait for each other.
    for form, pointer in sorted((folded(name), pointer) for pointer, name in given.items()):
        if not form:
            raise inputs.wrong(pointer, "must hold a letter or a digit", "须含文字或数字")
        taking = insert(names).values(
            form=form, organisation=organisation, admitted=admitted, taken_at=unit.now
        )
        mine_or_weaker = names.c.organisation == organisation
        if admitted:
            mine_or_weaker = or_(mine_or_weaker, ~names.c.admitted)
        taken = await unit.connection.execute(
            taking.on_conflict_do_update(
                index_elements=["form"],
                set_={"organisation": organisation, "admitted": admitted},
                where=mine_or_weaker,
            ).returning(names.c.form)
        )
        if taken.one_or_none() is None:
            raise _looks_alike(pointer)


async def admit(unit: UnitOfWork, organisation: str) -> None:
    """Reserve the names of an organisation that leaves the sandbox, its applications' too.

    Refusal CONFLICT when a party admitted meanwhile has taken one.
    """
    for name in await _borne(unit, organisation):
        await claim(unit, organisation, {"/name": name}, admitted=True)


async def release(unit: UnitOfWork, organisation: str, name: str) -> None:
    """Give up a former name of an application, unless the organisation bears it elsewhere."""
    if folded(name) not in {folded(each) for each in await _borne(unit, organisation)}:
        await unit.connection.execute(
            delete(names).where(names.c.form == folded(name), names.c.organisation == organisation)
        )


async def _borne(unit: UnitOfWork, organisation: str) -> list[str]:
    """Return the names that an organisation and its applications bear now."""
    found = await unit.connection.execute(
        select(organisations.c.name_en, organisations.c.name_zh, organisations.c.slug).where(
            organisations.c.id == organisation
        )
    )
    of_applications = await unit.connection.execute(
        select(applications.c.name).where(applications.c.organisation == organisation).distinct()
    )
    return [*found.one(), *of_applications.scalars()]


def _looks_alike(pointer: str) -> Refusal:
    return Refusal(
        CONFLICT,
        pointer=pointer,
        why="looks like the name of another party",
        why_zh="与其他机构或其应用的名称相近，容易混淆",
    )
