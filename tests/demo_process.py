"""A demo that stays up, as the tests see it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Demo:
    """A demo that has told its story and stays up."""

    home: Path
    figures: dict[str, Any]
    output: str

    def port(self, role: str) -> str:
        """The port at which one of its origins is served."""
        return str(self.figures["addresses"][role]).split(":")[2].split("/")[0]

    def origin(self, role: str) -> str:
        """The origin of `portal` or `auth`, as a browser names it."""
        return f"https://{role}.localhost:{self.port('portal')}"

    def sign_in_of(self, name: str) -> str:
        """The passphrase the demo printed for a sign-in name; for "operator" the one-time link."""
        if name == "operator":
            return str(re.findall(r"one-time link\)\s+(https\S+)", self.output)[0])
        return str(re.findall(rf"\s{re.escape(name)}\s+(\S.*\S)", self.output)[0])

    @property
    def environment(self) -> dict[str, str]:
        """What a person in a shell beside it would set."""
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG")}
        binaries = str(Path(sys.executable).parent)
        return kept | {
            "PATH": f"{binaries}:{kept.get('PATH', '')}",
            "WEIR_HOME": str(self.home),
            "WEIR_PUBLIC_PORT": self.port("portal"),
            "WEIR_MTLS_PORT": self.port("api"),
            "BROWSER": self._browser(),
        }

    def _browser(self) -> str:
        """The command of a browser in which the operator confirms what opens."""
        state = self.home.parent / "operator-at-browser.json"
        if not state.exists():
            known = {
                "ca_file": self.figures["addresses"]["root_certificate"],
                "origins": [self.origin("portal"), self.origin("auth")],
                "link": self.sign_in_of("operator"),
            }
            state.write_text(json.dumps(known))
        return f"{sys.executable} {Path(__file__).parent / 'person_at_browser.py'} {state} %s"

    def sign_in(self) -> None:
        """Sign the terminal in as the operator, as `weir sign-in` does."""
        done = self.weir("sign-in")
        assert done.returncode == 0, done.stderr

    def weir(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command as that person would."""
        return subprocess.run(
            [sys.executable, "-m", "weir", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
