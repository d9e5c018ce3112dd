"""The causes on the pages of refusals are the reasons that the code gives."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import weir
from weir.authorization import declares
from weir.authorization.declares import (
    OAUTH_INVALID_CLIENT,
    OAUTH_INVALID_DPOP_PROOF,
    OAUTH_INVALID_GRANT,
    OAUTH_INVALID_REQUEST_OBJECT,
    OAUTH_INVALID_SCOPE,
    OAUTH_UNAUTHORIZED_CLIENT,
)
from weir.authorization.remedies import CAUSES, cause_of, page_of
from weir.kernel.outcomes import Outcome, Refusal

ROOM = Path(weir.__file__).parent / "authorization"
PROOFS = ROOM.parent / "keys" / "dpop.py"

# The functions that make refusals, by the file they are called in; None for any file.
MAKERS: dict[tuple[str | None, str], Outcome] = {
    ("client.py", "_unproven"): OAUTH_INVALID_CLIENT,
    ("assertions.py", "_wrong"): OAUTH_INVALID_CLIENT,
    ("request_object.py", "_refused"): OAUTH_INVALID_REQUEST_OBJECT,
    ("possession.py", "_refused"): OAUTH_INVALID_DPOP_PROOF,
    ("dpop.py", "ProofError"): OAUTH_INVALID_DPOP_PROOF,
    (None, "not_granted"): OAUTH_INVALID_GRANT,
    (None, "not_open"): OAUTH_UNAUTHORIZED_CLIENT,
}


def reasons_in(path: Path) -> Iterator[tuple[Outcome, str]]:
    """Each reason a file gives, as far as it is written down before anything computed."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or not node.args:
            continue
        name = node.func.id
        outcome = MAKERS.get((path.name, name)) or MAKERS.get((None, name))
        said = node.args[0]
        if name == "Refusal" and isinstance(said, ast.Name):
            outcome = getattr(declares, said.id, None)
            said = next((each.value for each in node.keywords if each.arg == "why"), said)
        if outcome in CAUSES and (text := _text(said)):
            yield outcome, text


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        node = node.values[0]
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


REASONS = sorted(
    {found for path in [*ROOM.rglob("*.py"), PROOFS] for found in reasons_in(path)},
    key=lambda found: (found[0].code, found[1]),
)


def test_reasons_are_found() -> None:
    found = {outcome for outcome, _ in REASONS}
    assert found >= {*MAKERS.values(), OAUTH_INVALID_SCOPE}
    assert len(REASONS) > 60


@pytest.mark.parametrize(("outcome", "reason"), REASONS, ids=lambda each: str(each)[:40])
def test_each_reason_has_its_cause(outcome: Outcome, reason: str) -> None:
    refusal = Refusal(outcome, why=reason + " it" if reason.endswith(" ") else reason)
    cause = cause_of(refusal)
    assert cause is not None, reason
    assert page_of(refusal) == f"/errors/{outcome.code}#{cause.anchor}"


def test_each_cause_is_told_in_both_languages_and_has_an_anchor_of_its_own() -> None:
    for causes in CAUSES.values():
        anchors = [each.anchor for each in causes if each.reason]
        assert len(set(anchors)) == len(anchors)
        for each in causes:
            assert each.do.endswith(".")
            assert each.do_zh.endswith("。")
            assert bool(each.reason) == bool(each.zh)


def test_a_reason_is_found_by_whole_words_and_a_parameter_by_its_name() -> None:
    assert cause_of(Refusal(OAUTH_INVALID_DPOP_PROOF, why="jwks")) is None
    wrong = Refusal(declares.OAUTH_INVALID_REQUEST, parameter="code_challenge", why="is missing")
    assert page_of(wrong) == "/errors/oauth_invalid_request#code_challenge"
    assert page_of(Refusal(declares.PAGE_EXPIRED)) == "/errors/page_expired"
