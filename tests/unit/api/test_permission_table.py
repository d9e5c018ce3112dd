"""The table of permissions is closed, and the docs repeat it."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import APIRouter

from weir.api.guarding import check_table, new_router
from weir.api.management import ROUTERS
from weir.api.permissions import ALL, PERMISSIONS
from weir.partners import classes

ROLES_PAGE = Path(__file__).parents[3] / "docs" / "reference" / "roles.md"


def test_every_rule_lets_somebody_in_and_nobody_unknown() -> None:
    for operation, rule in PERMISSIONS.items():
        assert rule.kinds <= ALL, operation
        assert bool(rule.kinds) is not rule.by_link, operation


def test_one_operation_only_needs_no_token() -> None:
    assert [name for name, rule in PERMISSIONS.items() if rule.by_link] == ["found_alliance"]


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
        own, every = (cell.strip() for cell in line.split("|")[3:5])
        assert set(own.split(", ")) - {""} == set(rule.own), operation
        assert set(every.split(", ")) - {""} == set(rule.every), operation


def test_the_docs_name_every_class_and_role() -> None:
    page = ROLES_PAGE.read_text()
    for listed in (classes.PARTNER_CLASSES, classes.LICENCE_KINDS, classes.APPLICATION_ROLES):
        for name, (en, zh) in listed.items():
            assert f"| `{name}` | {en} | {zh} |" in page
