"""Security Profile modules about the resource server, which is the gateway; one test a name."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

from gateway_lab import GatewayProcess, Lab
from joserfc.jwk import ECKey
from possession_support import ath, proof_by
from raw_caller import Answer, Caller


def dated(answer: Answer) -> None:
    """The answer says when it was made (RFC 9110 section 6.6.1), and that is now."""
    at_s = parsedate_to_datetime(answer.headers["date"]).timestamp()
    assert abs(at_s - time.time()) < 60


async def test_access_token_type_header_case_sensitivity(lab: Lab, gateway: GatewayProcess) -> None:
    """The scheme's name has no case (RFC 9110 section 11.1), for either kind of token."""
    key = ECKey.generate_key("P-256")
    path = lab.prefix + "/rates"
    token = await lab.token(cnf={"jkt": str(key.thumbprint())})
    public = await Caller.connect(gateway.public_port, lab.tls(None))
    for scheme in ("DPoP", "dpop", "DPOP"):
        proof = proof_by(key, "https://api.localhost" + path, htm="GET", ath=ath(token))
        fields = {"authorization": f"{scheme} {token}", "dpop": proof}
        answer = await public.call("GET", path, fields)
        assert answer.status == 200
        dated(answer)
    await public.close()
    token = await lab.token()
    mutual = await Caller.connect(gateway.mtls_port, lab.tls())
    for scheme in ("Bearer", "bearer", "BEARER"):
        fields = {"authorization": f"{scheme} {token}"}
        assert (await mutual.call("GET", path, fields)).status == 200
    await mutual.close()


async def test_dpop_negative_tests(lab: Lab, gateway: GatewayProcess) -> None:
    """What the module tries at a resource, in its order: 400 or 401 for each fault alone."""
    key, stranger = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")
    path = lab.prefix + "/rates"
    address = "https://api.localhost" + path
    token = await lab.token(cnf={"jkt": str(key.thumbprint())})
    caller = await Caller.connect(gateway.public_port, lab.tls(None))

    def proof(by: ECKey = key, header: dict[str, Any] | None = None, **claims: Any) -> str:
        said = {"htm": "GET", "ath": ath(token)} | claims
        return proof_by(by, said.pop("htu_instead", address), header=header, **said)

    async def call(shown: str | None, scheme: str = "DPoP", name: str = "dpop") -> Answer:
        fields = {"authorization": f"{scheme} {token}"}
        return await caller.call("GET", path, fields | ({name: shown} if shown else {}))

    assert (await call(proof(), name="DPOP")).status == 200
    hour_s = 3_600
    faults: list[Callable[[], str]] = [
        lambda: "malformed",
        lambda: proof(header={"typ": None}),
        lambda: relabelled(proof(), alg=None),
        lambda: proof(header={"jwk": None}),
        lambda: proof(jti=None),
        lambda: proof(htm=None),
        lambda: proof(htu=None),
        lambda: proof(iat=None),
        lambda: proof(ath=None),
        lambda: proof(header={"typ": "dpop+jwtinvalid"}),
        lambda: relabelled(proof(), alg="none").rpartition(".")[0] + ".",
        lambda: proof()[:-8] + "AAAAAAAA",
        lambda: proof(header={"jwk": key.as_dict(private=True)}),
        lambda: proof(htm="PUT"),
        lambda: proof(htu_instead=address + "different"),
        lambda: proof(iat=int(time.time()) + hour_s),
        lambda: proof(iat=int(time.time()) - hour_s),
        lambda: proof(ath=ath(token + "a")),
        lambda: proof(by=stranger),
    ]
    for fault in faults:
        answer = await call(fault())
        assert answer.status in (400, 401), answer
        dated(answer)
    once = proof()
    assert [(await call(once)).status for _ in range(2)] == [200, 401]
    spelt = [address + "?a=b#c", "HTTPS://API.LOCALHOST" + path, f"https://api.localhost:443{path}"]
    for htu in spelt:
        assert (await call(proof(htu_instead=htu))).status == 200, htu
    more = proof(header={"x-extra": "ignored"}, extra="ignored")
    assert (await call(more)).status == 200
    assert (await call(None)).status == 401
    assert (await call(None, scheme="Bearer")).status == 401
    assert (await call(proof())).status == 200
    twice = f"GET {path} HTTP/1.1\r\nhost: api.localhost\r\nauthorization: DPoP {token}\r\n"
    twice += f"dpop: {proof()}\r\ndpop: {proof()}\r\n\r\n"
    await caller.send(twice.encode())
    assert (await caller.read()).code == "dpop_proof_invalid"
    await caller.close()


def relabelled(token: str, alg: str | None) -> str:
    """A proof whose header says another algorithm than it was signed by, or none."""
    segment, _, rest = token.partition(".")
    header = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    said = {name: value for name, value in header.items() if name != "alg"}
    raw = json.dumps(said if alg is None else said | {"alg": alg}).encode()
    return f"{base64.urlsafe_b64encode(raw).rstrip(b'=').decode()}.{rest}"
