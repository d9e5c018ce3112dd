"""The table of permissions is closed, and speaks of people and of applications."""

from __future__ import annotations

import pytest
from fastapi import APIRouter

from weir.access.permissions import PERMISSIONS
from weir.access.roles import ALL, AUDITOR, OWNER, READERS, ROLES, Rule, lesser
from weir.api.guard import GuardedRoute, check_table, new_router
from weir.api.management import ROUTERS


def test_every_rule_lets_somebody_in_and_nobody_unknown() -> None:
    for operation, rule in PERMISSIONS.items():
        assert rule.kinds <= ALL, operation
        assert bool(rule.kinds) is rule.needs_caller, operation
        assert rule.people <= ROLES.keys(), operation


# What a secret of its own stands for, or what is open to all.
TOKENLESS = {
    "found_alliance", "sign_up_partner", "ask_terminal_sign_in", "claim_terminal_session",
}  # fmt: skip


def test_four_operations_only_need_no_token() -> None:
    assert {name for name, rule in PERMISSIONS.items() if not rule.needs_caller} == TOKENLESS


def test_people_may_do_all_but_what_needs_an_applications_signature() -> None:
    without = {name for name, rule in PERMISSIONS.items() if not rule.people or rule.signed}
    assert without == TOKENLESS | {"witness_root"}


def test_an_auditor_reads_and_an_owner_does_everything() -> None:
    methods = {
        str(route.operation_id): min(route.methods or ())
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, GuardedRoute)
    }
    for operation, rule in PERMISSIONS.items():
        if rule.signed or operation == "end_terminal_session":
            assert AUDITOR in rule.people, operation  # its program's signature, its own session
        elif AUDITOR in rule.people:
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


def test_no_application_changes_people_or_their_sign_ins() -> None:
    for operation in (
        "change_person_role", "remove_person", "renew_sign_in", "invite_person",
        "withdraw_invitation", "take_over_application",
    ):  # fmt: skip
        assert PERMISSIONS[operation].programs == "no", operation


def test_a_fresh_operation_says_how_far_an_application_gets() -> None:
    with pytest.raises(AssertionError, match="programs"):
        Rule(own=ALL, people=READERS, fresh=True)


def test_two_roles_have_in_common_what_both_permit() -> None:
    for one in ROLES:
        assert lesser(OWNER, one) == lesser(one, OWNER) == lesser(one, one) == one
        for other in set(ROLES) - {one, OWNER}:
            assert lesser(one, other) == (other if one == OWNER else None)
    for rule in PERMISSIONS.values():
        assert not rule.people or OWNER in rule.people, "an owner's role contains every other"
