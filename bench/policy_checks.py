"""Does a target really have the policy? Asked of each before it is measured."""

from __future__ import annotations

import http.client
import json
import re
import ssl
import time
from dataclasses import dataclass
from typing import Any

from bench.documents import ACCOUNT, BALANCES_PATH, mint
from bench.peers import Target
from bench.stage import Stage

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer of a target. `interaction_id` is None when the answer has no UUID there."""

    status: int
    interaction_id: str | None


def prove(stage: Stage, target: Target) -> None:
    """Make calls that the policy must refuse, and two it must let through. RuntimeError if not."""
    good = stage.token()
    expected: list[tuple[str, int, Answer]] = [
        ("a good call", 200, _call(stage, target, good)),
        ("the same call again", 200, _call(stage, target, good)),
        *(
            (what, 400, _call(stage, target, stage.sign(stage.claims(**changed))))
            for what, changed in _wrong_claims(stage)
        ),
        ("a forged signature", 400, _call(stage, target, _forged(good))),
        ("no token", 400, _call(stage, target, None)),
        ("another certificate", 400, _call(stage, target, good, certificate="other")),
        (
            "another account",
            400,
            _call(stage, target, good, path=BALANCES_PATH.replace(ACCOUNT, "acc-9")),
        ),
        *_quota(stage, target),
    ]
    for what, status, answer in expected:
        if answer.status // 100 != status // 100 or answer.status >= 500:
            raise RuntimeError(f"{target.name} answered {answer.status} to {what}")
    first, second = (answer.interaction_id for _, _, answer in expected[:2])
    if first is None or second is None or first == second:
        raise RuntimeError(f"{target.name} gives no interaction identifier of its own to each call")


def _wrong_claims(stage: Stage) -> list[tuple[str, dict[str, Any]]]:
    details = stage.claims()["authorization_details"][0]
    return [
        # Envoy's jwt_authn forgives a minute of clock skew.
        ("an expired token", {"exp": int(time.time()) - 120}),
        ("another audience", {"aud": "https://elsewhere.localhost"}),
        ("another issuer", {"iss": "https://elsewhere.localhost"}),
        ("another scope", {"scope": "bench-bank.nothing"}),
        ("another key's holder", {"cnf": {"x5t#S256": "A" * 43}}),
        ("an unknown application", {"client_id": mint("app")}),
        ("a withdrawn consent", {"grant_id": stage.alliance.revoked[500]}),
        ("another permission", {"authorization_details": [{**details, "permissions": []}]}),
        (
            "an expired consent",
            {"authorization_details": [{**details, "expires_at": "2020-01-01T00:00:00+00:00"}]},
        ),
    ]


def _quota(stage: Stage, target: Target) -> list[tuple[str, int, Answer]]:
    """The frugal application may call once a month."""
    token = stage.sign(stage.claims(client_id=stage.alliance.frugal))
    return [
        ("the month's only call", 200, _call(stage, target, token)),
        ("one call too many", 400, _call(stage, target, token)),
    ]


def _forged(token: str) -> str:
    """The same token with a signature that is not its own."""
    head, body, signature = token.split(".")
    other = "B" if signature[10] == "A" else "A"
    return f"{head}.{body}.{signature[:10]}{other}{signature[11:]}"


def _call(
    stage: Stage,
    target: Target,
    token: str | None,
    *,
    path: str = BALANCES_PATH,
    certificate: str = "caller",
) -> Answer:
    tls = ssl.create_default_context(cafile=stage.root)
    tls.load_cert_chain(stage.folder / f"{certificate}.pem", stage.folder / f"{certificate}.key")
    tls.check_hostname = False  # the certificate is checked against the root, the name is ours
    connection = http.client.HTTPSConnection("127.0.0.1", target.port, context=tls, timeout=10)
    fields = {"host": f"api.localhost:{target.port}"}
    if token is not None:
        fields["authorization"] = f"Bearer {token}"
    try:
        connection.request("GET", path, headers=fields)
        response = connection.getresponse()
        given = response.headers.get("x-fapi-interaction-id", "")
        body = response.read()
    finally:
        connection.close()
    if response.status == 200 and json.loads(body)["currency"] != "CNY":
        raise RuntimeError(f"{target.name} gave another answer than the member's")
    return Answer(response.status, given if _UUID.fullmatch(given) else None)
