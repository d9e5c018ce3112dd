"""Have the wheel carry the compiled data plane, where it can be compiled; else a pure wheel."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompiledDataPlane(BuildHookInterface[Any]):
    """Compiles beside the sources; an editable installation uses what lies there."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        said = subprocess.run(
            [sys.executable, root / "scripts" / "compile.py"],
            capture_output=True,
            text=True,
            check=False,
        )
        if said.stdout:
            self.app.display_info(said.stdout.strip())
        manifest = root / "src" / "weir" / "compiled.json"
        if version == "editable" or not manifest.exists():
            return
        built = json.loads(manifest.read_bytes())["built"]
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        build_data["force_include"].update(
            {str(root / "src" / name): name for name in (*built, "weir/compiled.json")}
        )
