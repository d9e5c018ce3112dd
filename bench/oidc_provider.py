"""The peer of the benchmark `tokens`: npm's oidc-provider in a process of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bench import nginx
from bench.processes import TARGET_CORE, free_ports, pin, tree
from bench.stage import AUDIENCE, Stage
from bench.token_issuer import MEMBER, SCOPE, details
from bench.token_requests import CHALLENGE, REDIRECT_URI, Asker, Key

FOLDER = nginx.FILES / "oidc-provider"
CLIENT_ID = "bench-client"


@dataclass(slots=True)
class Peer:
    """The running server, and its client."""

    running: subprocess.Popen[str]
    asker: Asker

    def groups(self) -> dict[str, list[int]]:
        """The processes that take part in issuing."""
        return {"node": [self.running.pid]}

    def codes(self, count: int) -> list[str]:
        """Authorization codes of as many new grants, good for a minute."""
        assert self.running.stdin is not None
        assert self.running.stdout is not None
        self.running.stdin.write(f"{count}\n")
        self.running.stdin.flush()
        made: list[str] = json.loads(self.running.stdout.readline())
        return made


def install() -> None:
    """The exact versions of the lock file. Ends with a clear sentence where there is no npm."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        raise SystemExit(
            "This benchmark needs Node.js 20 or newer with npm. On Debian: apt-get install "
            "nodejs npm"
        )
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--silent"], cwd=FOLDER, check=True)


@contextmanager
def oidc_provider(stage: Stage) -> Iterator[Peer]:
    """The server on the target's core, for as long as the context lasts."""
    install()
    (port,) = free_ports(1)
    asker = Asker(f"https://api.localhost:{port}", CLIENT_ID, SCOPE, Key())
    path, log = stage.folder / "oidc-provider.json", stage.folder / "oidc-provider.log"
    path.write_text(json.dumps(_told(stage, asker, port)))
    with log.open("w") as errors:
        running = subprocess.Popen(
            ["node", str(FOLDER / "server.js"), str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        nginx.await_port(running, port, log)
        pin(tree(running.pid), TARGET_CORE)
        yield Peer(running, asker)
    finally:
        nginx.stop(running)


def _told(stage: Stage, asker: Asker, port: int) -> dict[str, Any]:
    signing = {**Key().private_jwk, "kid": "server", "use": "sig", "alg": "ES256"}
    return {
        "issuer": asker.issuer,
        "port": port,
        "certificate": str(stage.folder / "server.pem"),
        "key": str(stage.folder / "server.key"),
        "client_id": asker.client_id,
        "jwks": {"keys": [{**asker.key.jwk, "kid": "bench", "use": "sig", "alg": "ES256"}]},
        "signing_key": signing,
        "redirect_uri": REDIRECT_URI,
        "code_challenge": CHALLENGE,
        "dpop_jkt": asker.dpop_jkt,
        "scope": SCOPE,
        "audience": AUDIENCE,
        "authorization_details": [{**details(), "member": MEMBER, "accounts": ["acc-1001"]}],
    }
