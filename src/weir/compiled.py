"""Which form of the data plane runs: compiled, or the same source interpreted.

`scripts/compile.py` compiles the modules of the data plane with mypyc where there is a C compiler,
and writes down which sources it compiled, by their SHA-256. Compiled modules refer to each other's
insides, so they are used only all together and only while every one of those sources is unchanged;
otherwise all of them are imported from source. So an edited file is never run in its old form.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ExtensionFileLoader, FileFinder, ModuleSpec, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Final

MANIFEST: Final = "compiled.json"  # in the package's folder
_FOLDER: Final = Path(__file__).parent
_WITNESS: Final = "weir.wire.downstream"  # any of the compiled modules tells


def is_fresh(folder: Path) -> bool:
    """Whether the compiled modules in the package's folder were made from the sources there."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
        return all(
            hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
            for name, digest in manifest["sources"].items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def is_used() -> bool:
    """Whether the data plane of this process is compiled."""
    return isinstance(_loader(_WITNESS), ExtensionFileLoader)


def _loader(name: str) -> object:
    from importlib.util import find_spec

    found = find_spec(name)
    return None if found is None else found.loader


class SourcesOnly(MetaPathFinder):
    """Finds this package's modules as sources, whatever compiled ones lie beside them."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        if path is None or not fullname.startswith("weir."):
            return None
        for folder in path:
            found = FileFinder(folder, (SourceFileLoader, [".py"])).find_spec(fullname)
            if found is not None:
                return found
        return None


def choose() -> None:
    """Called once, before any compiled module could be imported."""
    if not is_fresh(_FOLDER):
        sys.meta_path.insert(0, SourcesOnly())
