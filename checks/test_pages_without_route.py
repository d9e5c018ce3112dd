"""Every browser test where nothing can be fetched from elsewhere: a network without a route."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
NEEDED = "The kernel lets this user make no network namespace: kernel.unprivileged_userns_clone"


def unshared() -> list[str]:
    """A network namespace of one's own. Who is not root needs a user namespace for it, too."""
    mine = [] if os.geteuid() == 0 else ["--map-current-user", "--keep-caps"]
    return ["unshare", "--net", *mine]


def test_the_browser_tests_hold_without_a_route() -> None:
    assert subprocess.run([*unshared(), "true"], check=False).returncode == 0, NEEDED
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/browser"]
    alone = [*unshared(), sys.executable, str(Path(__file__).with_name("without_route.py"))]
    done = subprocess.run([*alone, *tests], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert " passed" in done.stdout
