"""docs/receipts.md is exact enough for a program in another language.

It is written from the page alone, with nothing of weir in it, and checks the page's own vectors.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "receipts.md"
NEEDED = "make check needs Node.js, for a second reading of docs/receipts.md"


def verified(page: Path) -> subprocess.CompletedProcess[str]:
    if shutil.which("node") is None:
        pytest.fail(NEEDED, pytrace=False)
    script = HERE / "receipts" / "verify.mjs"
    return subprocess.run(["node", script, page], capture_output=True, text=True, check=False)


def test_the_vectors_hold_in_another_language() -> None:
    found = verified(PAGE)
    assert found.returncode == 0, found.stdout + found.stderr
    assert found.stdout.count("ok: ") == len(found.stdout.splitlines()) == 16


@pytest.mark.parametrize(
    ("one", "other"),
    [('"amount_minor\\":1230', '"amount_minor\\":1231'), ('"torn_bytes": 17', '"torn_bytes": 18')],
)
def test_a_changed_vector_does_not(tmp_path: Path, one: str, other: str) -> None:
    page = PAGE.read_text()
    assert one in page
    (tmp_path / "page.md").write_text(page.replace(one, other))
    assert verified(tmp_path / "page.md").returncode == 1
