"""The samples of docs/samples check identities as the client does, in their own languages."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

import identity_cases

SAMPLES = Path(__file__).parent.parent / "docs" / "samples"
COMMANDS = {"node": "identity-check.mjs", "java": "IdentityCheck.java"}


@pytest.mark.parametrize("runtime", COMMANDS)
def test_a_sample_finds_each_case_as_every_other_does(runtime: str, tmp_path: Path) -> None:
    if shutil.which(runtime) is None:
        pytest.fail("make check needs Node.js and Java, to run the samples", pytrace=False)
    keys = tmp_path / "jwks.json"
    keys.write_text(json.dumps(identity_cases.jwks()))
    told = (identity_cases.ISSUER, identity_cases.MEMBER, identity_cases.SERVICE)
    cases = list(identity_cases.cases())
    done = subprocess.run(
        [runtime, SAMPLES / COMMANDS[runtime], keys, *told],
        input="".join(f"{each.line()}\n" for each in cases),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    found = dict(zip((each.name for each in cases), done.stdout.splitlines(), strict=True))
    assert found == {each.name: each.found for each in cases}
