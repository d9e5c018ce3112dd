import hashlib
import time
from base64 import urlsafe_b64encode
from pathlib import Path

from joserfc import jwt

from weir.client.credentials import Credentials
from weir.client.proofs import Pkce, client_assertion


def test_the_challenge_is_the_s256_of_a_verifier_of_the_right_form() -> None:
    pkce = Pkce.make()
    assert 43 <= len(pkce.verifier) <= 128
    digest = hashlib.sha256(pkce.verifier.encode()).digest()
    assert pkce.challenge == urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert Pkce.make() != pkce


def test_an_assertion_names_one_issuer_and_is_good_for_a_minute(tmp_path: Path) -> None:
    mine = Credentials.generate(tmp_path / "mall").registered_as("app_x", "private_key_jwt")
    first = client_assertion(mine, "https://auth.example")
    read = jwt.decode(first, mine.signing_key, algorithms=["ES256"])
    assert read.header["kid"] == mine.public_jwks()["keys"][0]["kid"]
    assert read.claims["aud"] == "https://auth.example"
    assert (read.claims["iss"], read.claims["sub"]) == ("app_x", "app_x")
    assert read.claims["exp"] - read.claims["iat"] == 60
    assert abs(read.claims["iat"] - time.time()) < 30
    second = jwt.decode(
        client_assertion(mine, "https://auth.example"), mine.signing_key, algorithms=["ES256"]
    )
    assert second.claims["jti"] != read.claims["jti"]
