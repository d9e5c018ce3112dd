"""Security Profile modules about the resource server, which is the gateway; one test a name."""

from __future__ import annotations

from gateway_lab import GatewayProcess, Lab
from joserfc.jwk import ECKey
from possession_support import ath, proof_by
from raw_caller import Caller


async def test_access_token_type_header_case_sensitivity(lab: Lab, gateway: GatewayProcess) -> None:
    """The scheme's name has no case (RFC 9110 section 11.1), for either kind of token."""
    key = ECKey.generate_key("P-256")
    path = lab.prefix + "/rates"
    token = await lab.token(cnf={"jkt": str(key.thumbprint())})
    public = await Caller.connect(gateway.public_port, lab.tls(None))
    for scheme in ("DPoP", "dpop", "DPOP"):
        proof = proof_by(key, "https://api.localhost" + path, htm="GET", ath=ath(token))
        fields = {"authorization": f"{scheme} {token}", "dpop": proof}
        assert (await public.call("GET", path, fields)).status == 200
    await public.close()
    token = await lab.token()
    mutual = await Caller.connect(gateway.mtls_port, lab.tls())
    for scheme in ("Bearer", "bearer", "BEARER"):
        fields = {"authorization": f"{scheme} {token}"}
        assert (await mutual.call("GET", path, fields)).status == 200
    await mutual.close()
