"""One of the two sides of a comparison: a tree with its installation, as the load meets it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from bench.against.trees import Tree
from bench.processes import LOAD_CORE, TARGET_CORE, pin, tree
from bench.token_requests import Asker, Key

HOST = Path(__file__).with_name("host.py")
READY_WITHIN_S = 60.0
_ENGINES = ("postgres", "valkey")


class Side:
    """Has what the benchmarks ask of a stage and of an issuer, wherever the tree keeps it."""

    def __init__(self, name: str, under: Tree) -> None:
        self.name, self.tree = name, under
        self._running = subprocess.Popen(
            # -P: what the tree imports is not looked for beside this file.
            [under.python, "-P", HOST],
            cwd=under.path,
            env=_environment(under),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        told = self._answer()
        self.folder = Path(told["folder"])
        self.port: int = told["port"]
        self.path: str = told["path"]
        self.token: str = told["token"]
        self.asker = Asker(
            told["issuer"],
            told["client_id"],
            told["scope"],
            _key(told["key"]),
            _key(told["proof_key"]),
        )

    @property
    def root(self) -> Path:
        """The alliance's root certificate."""
        return self.folder / "root.pem"

    def groups(self) -> dict[str, list[int]]:
        """The processes that take part, each with its descendants."""
        return {name: pids for name, pids in self._groups().items() if name != "worker"}

    def pids(self, *names: str) -> list[int]:
        """All processes of the parts named."""
        groups = self._groups()
        return [pid for name in names for root in groups[name] for pid in tree(root)]

    def engine_pids(self) -> list[int]:
        """PostgreSQL and Valkey."""
        return self.pids(*_ENGINES)

    def codes(self, count: int) -> list[str]:
        """Authorization codes of as many new consents, good for a minute."""
        codes: list[str] = self._ask(do="codes", count=count)["codes"]
        return codes

    def renew(self, *roles: str) -> None:
        """Start these roles' processes afresh, and keep each part on the core that it had."""
        self._ask(do="renew", roles=roles)

    def place(self, *targets: str) -> None:
        """Pin the named parts to the target's core, and all others to the load's."""
        for name, roots in self._groups().items():
            pids = [pid for root in roots for pid in tree(root)]
            pin(pids, TARGET_CORE if name in targets else LOAD_CORE)

    def is_compiled(self) -> bool:
        """Whether the gateway runs compiled modules, which are then this tree's."""
        (gateway,) = self._groups()["gateway"]
        maps = Path(f"/proc/{gateway}/maps").read_text().splitlines()
        libraries = {line.split()[-1] for line in maps if line.endswith(".so")}
        return any(each.startswith(f"{self.tree.path}/src/") for each in libraries)

    def _groups(self) -> dict[str, list[int]]:
        groups: dict[str, list[int]] = self._ask(do="groups")
        return groups

    def _ask(self, **command: Any) -> dict[str, Any]:
        assert self._running.stdin is not None
        self._running.stdin.write(json.dumps(command) + "\n")
        self._running.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._running.stdout is not None
        line = self._running.stdout.readline()
        if not line:
            status = self._running.wait()
            raise SystemExit(f"The host of {self.name} ended with status {status}; see above why.")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def end(self) -> None:
        """Let the host take its installation down."""
        assert self._running.stdin is not None
        self._running.stdin.close()
        self._running.wait()


@contextmanager
def side(name: str, under: Tree) -> Iterator[Side]:
    """A tree's installation for as long as the context lasts."""
    standing = Side(name, under)
    try:
        yield standing
    finally:
        standing.end()


def await_answer(what: str, ask: Callable[[], bool]) -> None:
    """Ask until it is so. TimeoutError when it never is."""
    until_s = time.monotonic() + READY_WITHIN_S
    while not ask():
        if time.monotonic() > until_s:
            raise TimeoutError(f"{what} did not answer in time")
        time.sleep(0.05)


def _environment(under: Tree) -> dict[str, str]:
    """Ours, with the tree's own `bench`."""
    return {**os.environ, "PYTHONPATH": str(under.path)}


def _key(jwk: dict[str, str]) -> Key:
    secret = int.from_bytes(_bytes(jwk["d"]), "big")
    return Key(ec.derive_private_key(secret, ec.SECP256R1()))


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
