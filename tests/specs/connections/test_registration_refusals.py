"""Each refusal that dynamic registration can give; of two, the one whose turn comes first."""

from __future__ import annotations

import ast
import inspect
from itertools import pairwise
from typing import Any

import pytest
from consent_world import World
from directory import StatementIssuer
from registration_table import ALL, ELSEWHERE, ROWS, Attempt, Row, attempt_at

from weir.authorization.declares import (
    OAUTH_INVALID_CLIENT_METADATA,
    OAUTH_INVALID_SOFTWARE_STATEMENT,
    OAUTH_UNAPPROVED_SOFTWARE_STATEMENT,
)
from weir.authorization.front import client_metadata, registration, software_statements
from weir.authorization.front.error_answers import error_of
from weir.kernel.outcomes import Outcome, Refusal

# Functions that make a refusal for others to raise.
MAKERS = {
    "bad_metadata": OAUTH_INVALID_CLIENT_METADATA,
    "bad_statement": OAUTH_INVALID_SOFTWARE_STATEMENT,
    "_unapproved": OAUTH_UNAPPROVED_SOFTWARE_STATEMENT,
}


def spoken_of(module: Any) -> set[tuple[str, Outcome]]:
    """The outcomes that each function of a module names, itself or by their makers."""
    found = set()
    for name, function in _functions(ast.parse(inspect.getsource(module))):
        for node in ast.walk(function):
            if isinstance(node, ast.Name):
                outcome = MAKERS.get(node.id) or getattr(module, node.id, None)
                if isinstance(outcome, Outcome):
                    found.add((name, outcome))
    return {each for each in found if each[0] not in MAKERS}


def _functions(tree: ast.Module) -> list[tuple[str, ast.AST]]:
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    found: list[tuple[str, ast.AST]] = []
    for node in tree.body:
        if isinstance(node, kinds):
            found.append((node.name, node))
        elif isinstance(node, ast.ClassDef):
            within = [each for each in node.body if isinstance(each, kinds)]
            found += [(f"{node.name}.{each.name}", each) for each in within]
    return found


def test_no_refusal_of_registration_is_missing() -> None:
    possible = set().union(*map(spoken_of, (registration, client_metadata, software_statements)))
    written = {(row.place, row.outcome) for row in ROWS}
    missing = possible - written - set(ELSEWHERE)
    assert not {(place, outcome.code) for place, outcome in missing}
    assert not {(place, outcome.code) for place, outcome in written - possible}
    assert not written & set(ELSEWHERE)
    assert set(ELSEWHERE) <= possible


@pytest.fixture
async def issuer(world: World) -> StatementIssuer:
    return await StatementIssuer(world).believed()


async def spoil(attempt: Attempt, *rows: Row) -> None:
    """The lower ones before the upper ones."""
    for row in sorted(rows, key=ROWS.index, reverse=True):
        waiting = row.spoil(attempt)
        if waiting is not None:
            await waiting


def told_by(world: World, row: Row) -> tuple[int, str]:
    status, _, body = error_of(world.services.addresses, Refusal(row.outcome))
    return status, body["error_uri"]


@pytest.mark.parametrize("method", ALL)
async def test_each_fault_is_refused_by_its_name_and_the_upper_of_two_first(
    world: World, issuer: StatementIssuer, method: str
) -> None:
    rows = [row for row in ROWS if method in row.of]
    together = [row for row in rows if not row.alone]
    pairs = pairwise(together)
    good = await (await attempt_at(issuer, method, 0)).send()
    assert good.status_code in (200, 201, 204), good.text
    wrong = []
    for number, faults in enumerate([*((row,) for row in rows), *pairs], start=1):
        attempt = await attempt_at(issuer, method, number)
        await spoil(attempt, *faults)
        answer = await attempt.send()
        body = answer.json() if answer.content else {}
        said = (answer.status_code, body.get("error_uri"))
        upper = faults[0]
        if said != told_by(world, upper) or upper.why not in answer.text:
            wrong.append(([(row.place, row.outcome.code) for row in faults], said, answer.text))
    assert not wrong
