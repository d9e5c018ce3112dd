"""Each operation of the management API has a method of the client, and each method a command."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Final

import pytest
from fastapi.routing import APIRoute
from repository import WEIR

from weir.api.management import ROUTERS
from weir.client.management.management import Management

# Operations without a method of their own, and why nobody misses it.
REACHED_OTHERWISE: Final = {
    "describe_api": "programs read the document itself",
    "found_alliance": "the one-time link holds its address (client/founding.py)",
    "get_root": "the client takes roots from the list and proves that they follow on each other",
    "get_subscription": "the list holds all there is to know of each",
    "set_product_capabilities": "a draft is made with its capabilities",
}
# Methods that programs use and no command does.
FOR_PROGRAMS: Final = {"capabilities.get"}


def operations() -> Iterator[tuple[str, str]]:
    """The identifier of each operation, and its path."""
    for router in ROUTERS:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            yield str(route.operation_id), "/v1" + route.path.removeprefix("/v1")


def asked_paths() -> set[tuple[str, ...]]:
    """The paths the client asks for, by segment; a part that is filled in is an asterisk."""
    source = "\n".join(path.read_text() for path in (WEIR / "client").rglob("*.py"))
    paths = re.findall(r"(/v1/[^\"?\s`]*)[?\"]", source)
    return {tuple(re.sub(r"\{[^{}]*\}", "*", path).split("/")) for path in paths}


def is_asked(path: str) -> bool:
    segments = tuple(re.sub(r"\{[^{}]*\}", "*", path).split("/"))
    return any(
        len(asked) == len(segments)
        and all(one in ("*", two) for one, two in zip(asked, segments, strict=True))
        for asked in asked_paths()
    )


def methods() -> Iterator[str]:
    """The public methods of the client, as `plans.list`."""
    for group, thing in vars(Management(None)).items():  # type: ignore[arg-type]
        for name, _ in inspect.getmembers(type(thing), inspect.isfunction):
            if not name.startswith("_"):
                yield f"{group}.{name}"


@pytest.mark.parametrize(("operation", "path"), list(operations()))
def test_the_client_asks_for_every_operation(operation: str, path: str) -> None:
    assert is_asked(path) is (operation not in REACHED_OTHERWISE)


def test_every_method_of_the_client_has_a_command() -> None:
    commands = "\n".join(path.read_text() for path in (WEIR / "cli").rglob("*.py"))
    unused = {name for name in methods() if f".{name}(" not in commands}
    assert unused == FOR_PROGRAMS
