"""The choice between the compiled data plane and the same source interpreted.

`scripts/compile.py` compiles the modules of the data plane with mypyc where there is a C compiler,
and records the SHA-256 of each compiled source. Compiled modules depend on each other's internals,
so they are used only all together, and only while all of those sources are unchanged. Otherwise all
of them are imported from source. So an edited file never runs in its old form.
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
_WITNESS: Final = "weir.wire.downstream"  # any compiled module would do


def is_fresh(folder: Path) -> bool:
    """Whether the compiled modules in a folder were made from the sources in it."""
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
    """Finds this package's modules as sources, and ignores compiled ones beside them."""

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
    """Import from source unless the compiled modules are up to date.

    Call this once, before any module that may be compiled is imported.
    """
    if not is_fresh(_FOLDER):
        sys.meta_path.insert(0, SourcesOnly())
