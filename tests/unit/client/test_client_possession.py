"""Proofs the client makes, read by the platform's own reader of them."""

from __future__ import annotations

import time

import httpx
import pytest

from weir.client.exchange import Answer
from weir.client.possession import DpopKey
from weir.client.tokens import Token
from weir.keys import dpop

URL = "https://api.localhost:8443/river-bank/accounts/v1/accounts"


def test_a_proof_is_for_one_request_and_its_token() -> None:
    key = DpopKey()
    proof = key.proof("GET", URL + "?page=2", "a-token")
    read = dpop.read(proof, method="GET", url=URL, now_s=time.time(), access_token=b"a-token")
    assert read.thumbprint == key.thumbprint
    for method, url, token in (("POST", URL, b"a-token"), ("GET", URL, b"another")):
        with pytest.raises(dpop.ProofError):
            dpop.read(proof, method=method, url=url, now_s=time.time(), access_token=token)


def test_a_nonce_is_remembered_for_its_origin_only() -> None:
    key = DpopKey()
    wanted = Answer(400, httpx.Headers({"dpop-nonce": "n-1"}), b'{"error":"use_dpop_nonce"}')
    assert key.keep_nonce("https://auth.localhost/token", wanted)
    for url, nonce in (("https://auth.localhost/par", "n-1"), (URL, None)):
        read = dpop.read(key.proof("POST", url), method="POST", url=url, now_s=time.time())
        assert read.nonce == nonce
    assert not key.keep_nonce(URL, Answer(200, httpx.Headers({"dpop-nonce": "n-2"}), b"{}"))
    assert not key.keep_nonce(URL, Answer(400, httpx.Headers(), b'{"error":"use_dpop_nonce"}'))


def test_a_token_is_sent_under_the_scheme_it_was_issued_for() -> None:
    for said, scheme in (("DPoP", "DPoP"), ("dpop", "DPoP"), ("bearer", "Bearer")):
        body = {"access_token": "a", "token_type": said, "expires_in": 300}
        assert Token.read(body).scheme == scheme
