"""What the phases declare is what their code refuses with: read from the sources, both ways."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from refusal_chains import DECLARED, Row
from weir.gateway.declares import BOUND_VALUE_MISSING
from weir.gateway.front import front
from weir.gateway.phases import recheck, record
from weir.gateway.pipeline import REFUSALS
from weir.kernel.declares import (
    INVALID_INPUT,
    PLATFORM_ERROR,
)
from weir.kernel.outcomes import Outcome
from weir.store.declares import ENGINE_UNAVAILABLE
from weir.wire import downstream, message
from weir.wire.declares import (
    BODY_TOO_LARGE,
    MALFORMED_HTTP,
    REQUEST_TIMEOUT,
)

SOURCE: Final = Path(__file__).parents[3] / "src" / "weir"
GATEWAY: Final = SOURCE / "gateway"

# The modules of the gateway that each phase's refusals are written in, the phase's own first.
SOURCES: Final[dict[str, tuple[str, ...]]] = {
    "identify": (
        "phases.identify",
        "phases.check_dpop",
        "tokens.known_tokens",
        "tokens.verifier",
    ),
    "admit": ("phases.admit", "budgets.concurrency"),
    "route": ("phases.route", "labels"),
    "authorize": ("phases.authorize", "phases.bound_values"),
    "limit": ("phases.limit", "budgets.allowances", "budgets.budget"),
    "prove": ("phases.prove", "phases.signature", "phases.bound_values"),
    "forward": ("phases.forward", "phases.signed_answer", "pipeline"),
}

# What a phase's sources name and the phase does not refuse with.
NOT_OF_THE_PHASE: Final[dict[Row, str]] = {
    ("prove", BOUND_VALUE_MISSING): "becomes idempotency_key_required",
    ("forward", PLATFORM_ERROR): "a fault of our own, in whichever phase",
}

# What comes from below the gateway: the module that refuses, and why the phase meets it.
_BODY: Final = "the body that the phase waits for"
BELOW: Final[dict[Row, tuple[str, str]]] = {
    ("identify", ENGINE_UNAVAILABLE): ("store.cache", "whether a proof was used cannot be said"),
    ("route", INVALID_INPUT): ("kernel.inputs", "how every wrong value is refused"),
    **{
        (phase, outcome): (module, _BODY)
        for phase in ("authorize", "prove", "forward")
        for outcome, module in (
            (MALFORMED_HTTP, "wire.downstream"),
            (REQUEST_TIMEOUT, "wire.downstream"),
            (BODY_TOO_LARGE, "wire.exchange"),
        )
    },
    ("prove", ENGINE_UNAVAILABLE): ("store.cache", "whether a nonce was used cannot be said"),
}

# Modules of the gateway that refuse beside the phases.
BESIDE: Final[dict[str, str]] = {
    "phases.recheck": "repeats identify and authorize after a wait",
    "front.front": "the host, before a call begins",
    "front.passthrough": "what is passed on to control is no call",
    "config.change_log": "following the changes is no call",
    "process": "the start of a process",
}


def refused_in(name: str) -> set[Outcome]:
    """The outcomes that a module's code names: raised, returned or looked up in a table.

    What is only compared with, or listed in REFUSALS, is not refused with.
    """
    module = importlib.import_module(f"weir.{name}")
    path = SOURCE.joinpath(*name.split(".")).with_suffix(".py")
    named = (
        _value(module, node)
        for statement in ast.parse(path.read_text()).body
        if not _lists_refusals(statement)
        for node in _spoken(statement)
    )
    return {value for value in named if isinstance(value, Outcome)}


def _lists_refusals(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.AnnAssign)
        and isinstance(statement.target, ast.Name)
        and statement.target.id == "REFUSALS"
    )


def _spoken(node: ast.AST) -> Iterator[ast.expr]:
    """Every name in the code but those that something is compared with."""
    if isinstance(node, ast.Compare):
        return
    if isinstance(node, ast.Name | ast.Attribute):
        yield node
    for child in ast.iter_child_nodes(node):
        yield from _spoken(child)


def _value(module: Any, node: ast.expr) -> Any:
    """What a name, or a name behind a module's, stands for in the module; None for any other."""
    if isinstance(node, ast.Name):
        return vars(module).get(node.id)
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return getattr(vars(module).get(node.value.id), node.attr, None)
    return None


def codes(outcomes: set[Outcome]) -> list[str]:
    return sorted(outcome.code for outcome in outcomes)


@pytest.mark.parametrize("phase", REFUSALS)
def test_a_phase_declares_what_it_refuses_with(phase: str) -> None:
    found: set[Outcome] = set()
    for name in SOURCES[phase]:
        found |= refused_in(f"gateway.{name}")
    excused = {outcome for each, outcome in NOT_OF_THE_PHASE if each == phase}
    below = {outcome for each, outcome in BELOW if each == phase}
    assert excused <= found
    assert codes(found - excused | below) == codes(set(REFUSALS[phase]))


@pytest.mark.parametrize("row", BELOW, ids=lambda row: f"{row[0]}-{row[1].code}")
def test_what_comes_from_below_is_refused_with_there(row: Row) -> None:
    module, _ = BELOW[row]
    assert row in DECLARED
    assert row[1] in refused_in(module)


def test_no_module_of_the_gateway_refuses_unseen() -> None:
    seen = {name for names in SOURCES.values() for name in names}
    refusing = set()
    for path in GATEWAY.rglob("*.py"):
        name = ".".join(path.relative_to(GATEWAY).with_suffix("").parts)
        if path.stem not in ("__init__", "declares") and refused_in(f"gateway.{name}"):
            refusing.add(name)
    assert refusing - seen == BESIDE.keys()
    assert not seen & BESIDE.keys()


def test_after_a_wait_only_what_was_tried_before_is_tried_again() -> None:
    before = {*REFUSALS["identify"], *REFUSALS["authorize"]}
    again = refused_in("gateway.phases.recheck")
    assert again
    assert codes(set(recheck.REFUSALS) - before) == []
    assert codes(again - set(recheck.REFUSALS)) == []
    called = refused_in("gateway.phases.identify")
    assert codes(set(recheck.REFUSALS) - again - called) == []


# What stands before and after the phases: what it declares, and the modules that refuse with it.
OTHERS: Final[dict[str, tuple[tuple[Outcome, ...], tuple[str, ...]]]] = {
    "message": (downstream.REFUSALS, ("wire.downstream",)),
    "head": (message.REFUSALS, ("wire.message",)),
    "host": (front.REFUSALS, ("gateway.front.front", "wire.balancers")),
    "record": (record.REFUSALS, ("metering.records.writer",)),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_stands_around_the_phases_declares_what_it_refuses_with(name: str) -> None:
    declared, modules = OTHERS[name]
    found = set().union(*map(refused_in, modules))
    assert codes(found) == codes(set(declared))


def test_a_refusal_is_found_however_it_is_written(tmp_path: Path) -> None:
    """The reading itself: `_some(left, X)`, a table, a module's constant; not a comparison."""
    found = refused_in("gateway.phases.authorize")
    assert {"consent_expired", "scope_insufficient"} <= set(codes(found))
    assert "bound_value_missing" not in codes(refused_in("gateway.phases.prove"))
    assert "engine_unavailable" not in codes(refused_in("gateway.phases.prove"))
    assert "member_timeout" in codes(refused_in("gateway.pipeline"))
