"""The portal's Java and JavaScript samples, run as they stand, where their runtimes are here."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import sample_calls
from demo_fixtures import demo, place
from demo_process import Demo

__all__ = ["demo", "place"]

RUNTIMES = {"javascript": "node", "java": "javac"}


@pytest.mark.parametrize("language", [each for each in RUNTIMES if shutil.which(RUNTIMES[each])])
def test_the_sample_calls(language: str, demo: Demo, tmp_path: Path) -> None:
    authority = str(demo.home / "tls" / "authority.pem")
    address = demo.origin("portal") + sample_calls.OPERATION
    asked = ["curl", "--silent", "--fail", "--cacert", authority, address]  # it knows localhost
    page = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=30).stdout
    found = re.search(rf'<code id="sample-{language}">(.*?)</code>', page, re.S)
    assert found is not None
    given = sample_calls.environment(demo, tmp_path)
    printed = sample_calls.run(language, html.unescape(found[1]), tmp_path, given)
    assert sample_calls.ANSWER in printed
