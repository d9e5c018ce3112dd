"""A tree's own installation, held for a comparison: runs in that tree, by its own `bench`.

This file is of the tree that compares. Of the other tree, whose modules may have other names, it
uses `bench.stage.staged`, `bench.token_issuer.TokenIssuer` and `bench.documents.BALANCES_PATH`, and
those know their own tree; the names of older trees stand beside them. It first says where all is,
then does as told: a JSON object a line on standard input, another one back (`bench/against/side.py`
is the other end).

- `renew`: the processes of some roles started afresh
- `codes`: authorization codes, good for a minute
- `groups`: the processes of each part, by those that all others descend from
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

from bench.documents import BALANCES_PATH
from bench.stage import staged

try:
    from bench.token_issuer import TokenIssuer
except ModuleNotFoundError:  # the tree is older than the name
    from bench.issuing import Issuing as TokenIssuer  # type: ignore[import-not-found,no-redef]


class Host:
    """Requests that an installation answers."""

    def __init__(self, issuer: TokenIssuer) -> None:
        self._stage, self._issuer = issuer.stage, issuer

    def begun(self) -> dict[str, Any]:
        """Return the places of everything, and the credentials of a caller."""
        asker = self._issuer.asker
        return {
            "folder": str(self._stage.folder),
            "port": self._stage.port,
            "path": BALANCES_PATH,
            "token": self._stage.token(),
            "issuer": asker.issuer,
            "client_id": asker.client_id,
            "scope": asker.scope,
            "key": asker.key.private_jwk,
            "proof_key": asker.proof_key.private_jwk,
        }

    def renew(self, roles: list[str]) -> dict[str, Any]:
        """End them and start them; they may not be ready yet."""
        installation = self._stage.installation
        for role in installation.roles:
            if role.name in roles:
                assert role.child is not None
                role.child.end()
                role.not_before_s = 0.0
        older, newer = "tend", "restart_dead"  # the method's name by the age of the tree
        getattr(installation, newer if hasattr(installation, newer) else older)()
        return {}

    def codes(self, count: int) -> dict[str, Any]:
        """Return codes of as many consents that customers have given."""
        return {"codes": self._issuer.codes(count)}

    def groups(self) -> dict[str, Any]:
        """All parts, the worker too, which takes no part in a call or a token."""
        return {**self._issuer.groups(), "worker": self._stage.pids("worker")}


def main() -> None:
    """Do what each line says until there is none."""
    told = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever else is printed is not an answer
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # which takes the installation down
    with staged() as stage:
        host = Host(TokenIssuer.at(stage))
        print(json.dumps(host.begun()), file=told, flush=True)
        for line in sys.stdin:
            command = json.loads(line)
            answer = getattr(host, command.pop("do"))(**command)
            print(json.dumps(answer), file=told, flush=True)


if __name__ == "__main__":
    main()
