"""The same code without root: engines run as the user weir runs as."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from weir.store.engines.user import find

AS_NOBODY = Path(__file__).with_name("as_nobody.py")


@pytest.mark.skipif(os.geteuid() != 0, reason="without root every other test here is this one")
def test_an_ordinary_user_runs_both_engines_and_is_refused_what_is_not_its_own(
    place: Path,
) -> None:
    nobody = find("nobody")
    assert nobody is not None
    (place / "closed").mkdir(mode=0o700)
    (place / "own").mkdir(mode=0o700)
    os.chown(place / "own", nobody.uid, nobody.gid)
    done = subprocess.run(
        [sys.executable, str(AS_NOBODY), str(place)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == f"{nobody.uid} {nobody.uid}"
    assert lines[1] == "18 9 kept kept"
    assert lines[2].startswith(f"The home {place}/closed/h cannot be used: permission denied (")
    assert lines[3].startswith(f"The home {place}/h cannot be used: permission denied (")
    assert len(lines) == 4
