"""This group exists only where the published documents do; elsewhere it is not collected."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from published_folder import published_documents

sys.path.append(str(Path(__file__).parents[2] / "functional" / "platform"))

from echo_member import EchoMember, echo_member
from platform_world import World, booted, opened

from weir_demo.boot import Boot

_NEEDS_DOCUMENTS = [
    "test_published_documents.py",
    "test_published_shelf.py",
    "test_published_standard.py",
]
collect_ignore = [] if published_documents() else _NEEDS_DOCUMENTS


@pytest.fixture(scope="module")
def running() -> Iterator[Boot]:
    """A platform without institutions: the documents' member is served by the test."""
    with booted(()) as boot:
        yield boot


@pytest.fixture(scope="module")
async def platform(running: Boot) -> AsyncIterator[World]:
    async with opened(running) as world:
        yield world


@pytest.fixture(scope="module")
async def echo(platform: World) -> AsyncIterator[EchoMember]:
    async with echo_member(platform.authority, platform.folder) as member:
        yield member
