"""docs/first-token.md, followed to the letter in a shell beside a running alliance."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from demo_process import Demo

# One demo serves all tests of this folder.
pytestmark = pytest.mark.xdist_group("story")

PAGE = Path(__file__).parents[3] / "docs" / "first-token.md"


def test_the_page_leads_to_tokens_bound_both_ways(demo: Demo, tmp_path: Path) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text("utf-8"), re.S | re.M)
    assert len(blocks) >= 6
    followed = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(blocks)],
        cwd=tmp_path,
        env=demo.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = followed.stdout
    assert followed.returncode == 0, said + followed.stderr
    assert "summit-securities.quotes bound to {'x5t#S256': " in said
    assert "summit-securities.quotes bound to {'jkt': " in said
    assert "609901 " in said
    assert '"access_token":"' in said
    assert '"error":"' in said
