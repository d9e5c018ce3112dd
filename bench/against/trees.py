"""Two trees ready to run: the working tree, and a commit exported, installed and compiled.

Exported commits are kept in `.bench/`, so that the next comparison begins at once. That is in no
package, by whose name the compiler would call their modules.
"""

from __future__ import annotations

import filecmp
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
KEPT = ROOT / ".bench"
_LOCK = "requirements.lock"
_READY = ".ready"  # made last; says by what


@dataclass(frozen=True, slots=True)
class Tree:
    """A source tree that is installed and compiled."""

    commit: str
    path: Path

    @property
    def python(self) -> Path:
        """The interpreter whose `weir` is this tree's."""
        return self.path / ".venv" / "bin" / "python"


def this_tree() -> Tree:
    """The working tree, which `make bench` has compiled."""
    return Tree(_git("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"), ROOT)


def tree_of(name: str) -> Tree:
    """The tree of a commit. SystemExit when there is no such commit."""
    try:
        commit = _git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    except subprocess.CalledProcessError:
        raise SystemExit(f"There is no commit {name}.") from None
    tree, ready = Tree(commit, KEPT / commit[:12]), KEPT / commit[:12] / _READY
    if not ready.exists() or ready.read_text() != _environment():
        print(f"  installing {commit[:12]}, once", flush=True)
        _export(tree)
        _install(tree)
        ready.write_text(_environment())
    _run([tree.python, "scripts/compile.py"], tree.path)
    return tree


def _environment() -> str:
    """What the environment of a tree hangs on: our Python, and the packages that it may borrow."""
    lock = hashlib.sha256((ROOT / _LOCK).read_bytes()).hexdigest()
    return f"{sys.version}\n{sysconfig.get_path('purelib')}\n{lock}\n"


def _export(tree: Tree) -> None:
    """Only what is committed."""
    shutil.rmtree(tree.path, ignore_errors=True)
    tree.path.mkdir(parents=True)
    packed = subprocess.Popen(["git", "archive", tree.commit], cwd=ROOT, stdout=subprocess.PIPE)
    subprocess.run(["tar", "-x", "-C", tree.path], stdin=packed.stdout, check=True)
    if packed.wait():
        raise SystemExit(f"{tree.commit} could not be exported.")


def _install(tree: Tree) -> None:
    """Into an environment of its own, which borrows our packages when it locks the same ones."""
    if not filecmp.cmp(tree.path / _LOCK, ROOT / _LOCK, shallow=False):
        _run(["scripts/install"], tree.path)
        return
    environment = tree.python.parents[1]
    venv.create(environment, symlinks=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    # Its sources come first. Of a folder named here no `.pth` is read, so ours are not among them.
    named = [tree.path / "src", sysconfig.get_path("purelib")]
    (packages / "tree.pth").write_text("".join(f"{each}\n" for each in named))


def _run(command: list[str | Path], folder: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    done = subprocess.run(command, cwd=folder, env=environment, check=False, stdout=sys.stderr)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))} failed in {folder}.")


def _git(*arguments: str) -> str:
    asked = ["git", *arguments]
    return subprocess.run(
        asked, cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()
