"""docs/first-call-with-curl.md, followed to the letter in a shell beside a running alliance."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from demo_process import Demo

# One demo serves all tests of this folder.
pytestmark = pytest.mark.xdist_group("story")

PAGE = Path(__file__).parents[3] / "docs" / "first-call-with-curl.md"


def test_the_page_leads_to_a_call_and_shows_a_refusal(demo: Demo, tmp_path: Path) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text("utf-8"), re.S | re.M)
    assert len(blocks) >= 9
    followed = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(blocks)],
        cwd=tmp_path,
        env=demo.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert followed.returncode == 0, followed.stdout + followed.stderr
    assert '"issuer"' in followed.stdout
    assert '"status":"active"' in followed.stdout
    assert '"instrument_id":"609901"' in followed.stdout
    assert '"code":"certificate_required"' in followed.stdout
    assert (tmp_path / "key.pem").stat().st_mode & 0o077 == 0
