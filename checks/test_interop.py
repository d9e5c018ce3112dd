"""Clients that others wrote, unchanged, against a running weir: each flow is a file of node tests.

`openid-client` and `oauth4webapi` are installed from npm in the versions of the lock file.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from interop_world import describe
from platform_world import booted, opened

from weir_demo.boot import Boot

FOLDER = Path(__file__).parent / "interop"
FLOWS = {
    path.name.removesuffix(".test.js"): path for path in sorted(FOLDER.glob("flows/*.test.js"))
}
PATIENCE_S = 180
NODE_MAJOR = 20
NEEDED = (
    f"make check needs Node.js {NODE_MAJOR} or newer with npm, for the clients it tries weir with. "
    "On Debian: apt-get install nodejs npm"
)


@pytest.fixture(scope="module")
def node() -> list[str]:
    """The command that runs a file of tests, once the clients of the lock file are installed."""
    if shutil.which("npm") is None or _node_major() < NODE_MAJOR:
        pytest.fail(NEEDED, pytrace=False)
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=FOLDER, check=True)
    return ["node", "--test", "--test-reporter=spec"]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A running weir, described in a file that the flows are given."""
    described = tmp_path_factory.mktemp("interop") / "world.json"
    with booted() as boot:
        described.write_text(json.dumps(asyncio.run(_world(boot))))
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        yield kept | {"WEIR_INTEROP_WORLD": str(described)}


@pytest.mark.parametrize("flow", FLOWS)
def test_the_clients_pass(flow: str, node: list[str], environment: dict[str, str]) -> None:
    ran = subprocess.run(
        [*node, str(FLOWS[flow])],
        cwd=FOLDER,
        env=environment | {"WEIR_INTEROP_FLOW": flow},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    print(ran.stdout)
    assert ran.returncode == 0, ran.stdout + ran.stderr


async def _world(boot: Boot) -> dict[str, object]:
    async with opened(boot) as world:
        return await describe(world, FLOWS)


def _node_major() -> int:
    """The version of the `node` on the PATH; 0 when there is none."""
    if shutil.which("node") is None:
        return 0
    said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True)
    return int(said.stdout.removeprefix("v").partition(".")[0])
