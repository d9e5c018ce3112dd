"""The table of permissions is closed, and the docs repeat it."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import APIRouter

from weir.access.permissions import PERMISSIONS
from weir.access.roles import ALL, AUDITOR, OWNER, ROLES
from weir.api.guard import GuardedRoute, check_table, new_router
from weir.api.management import ROUTERS
from weir.partners import classes

ROLES_PAGE = Path(__file__).parents[3] / "docs" / "reference" / "roles.md"


def test_every_rule_lets_somebody_in_and_nobody_unknown() -> None:
    for operation, rule in PERMISSIONS.items():
        assert rule.kinds <= ALL, operation
        assert bool(rule.kinds) is rule.needs_caller, operation
        assert rule.people <= ROLES.keys(), operation


def test_two_operations_only_need_no_token() -> None:
    open_to_all = [name for name, rule in PERMISSIONS.items() if not rule.needs_caller]
    assert open_to_all == ["found_alliance", "sign_up_partner"]


def test_people_may_do_all_but_what_needs_an_applications_signature() -> None:
    machines_only = {name for name, rule in PERMISSIONS.items() if not rule.people}
    assert machines_only == {"found_alliance", "sign_up_partner", "witness_root"}


def test_an_auditor_reads_and_an_owner_does_everything() -> None:
    methods = {
        str(route.operation_id): min(route.methods or ())
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, GuardedRoute)
    }
    for operation, rule in PERMISSIONS.items():
        if AUDITOR in rule.people:
            assert methods[operation] == "GET", operation
            assert not rule.fresh, operation
        elif rule.people:
            assert methods[operation] != "GET", operation
        assert not rule.people or OWNER in rule.people, operation


def test_the_routes_and_the_table_agree() -> None:
    check_table(ROUTERS)


def test_a_route_missing_from_the_table_fails_when_it_is_made() -> None:
    router = new_router("new")
    with pytest.raises(AssertionError, match="is not in the table"):
        router.get("/new", operation_id="brand_new")(lambda: None)


def test_an_unguarded_route_fails_at_the_start() -> None:
    plain = APIRouter()
    plain.get("/open", operation_id="list_shelf")(lambda: None)
    with pytest.raises(AssertionError, match="unguarded"):
        check_table([*ROUTERS, plain])


def test_an_operation_without_a_route_fails_at_the_start() -> None:
    with pytest.raises(AssertionError, match="differ"):
        check_table(ROUTERS[1:])


def test_the_docs_repeat_the_table() -> None:
    page = ROLES_PAGE.read_text()
    for operation, rule in PERMISSIONS.items():
        line = next(line for line in page.splitlines() if line.startswith(f"| `{operation}` |"))
        own, every, people = (cell.strip() for cell in line.split("|")[3:6])
        assert set(own.split(", ")) - {""} == set(rule.own), operation
        assert set(every.split(", ")) - {""} == set(rule.every), operation
        named = set(people.replace("*", "").split(", ")) - {""}
        assert named == set(rule.people), operation
        assert people.endswith("*") is rule.fresh, operation


def test_the_docs_name_every_class_and_role() -> None:
    page = ROLES_PAGE.read_text()
    for listed in (
        classes.PARTNER_CLASSES, classes.LICENCE_KINDS, classes.APPLICATION_ROLES, ROLES,
    ):  # fmt: skip
        for name, (en, zh) in listed.items():
            assert f"| `{name}` | {en} | {zh} |" in page
