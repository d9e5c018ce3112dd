"""What somebody may try against everybody else, each attack by its name, over HTTP.

Tried elsewhere: guessing a passphrase, and whom it locks out
(`functional/portal/test_links_and_sessions`); algorithm confusion of assertions and request objects
(`specs/fapi2`); replay (the file beside this one); codes without what belongs to them
(`functional/authorization/test_code_flow`).
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from consent_world import ASSERTION_TYPE, VERIFIER, Browser, World, challenge
from directory import KeyServer, StatementIssuer, key_set
from fapi_support import Flow, refused
from joserfc import jws
from joserfc.jwk import ECKey, OctKey
from possession_support import FORM, Holder, claims_of

from waits import until
from weir.app.declares import JWKS_TIMEOUT_S
from weir.authorization.clients.key_set_fetch import FetchError, KeyFetcher
from weir.authorization.declares import JWKS_BYTES, REGISTRATION_REQUESTS
from weir.consent.declares import AUTHORIZATION_FORM_BYTES
from weir.identity.secrets import new_secret
from weir.keys.authority import Authority
from weir.wire.networks import networks
from weir.wire.outbound import Outbound, PublicAlone


@pytest.fixture
async def issuer(world: World) -> StatementIssuer:
    return await StatementIssuer(world).believed()


@pytest.fixture
async def key_server(authority: Authority, folder: Path) -> AsyncIterator[KeyServer]:
    own = authority.issue_own("keys", ["localhost"])
    chain = folder / "abuse-keys.pem"
    chain.write_text(own.key_pem + own.certificate.pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain)
    server = KeyServer(context, json.dumps(key_set(ECKey.generate_key("P-256"))).encode())
    await server.start()
    yield server
    server.stop()


def trusting(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=authority.root_pem)


async def test_rate_limit_a_flood_of_registrations_slows_its_own_address_down_alone(
    issuer: StatementIssuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # However slow this machine is.
    monkeypatch.setattr("weir.authorization.front.registration.REGISTRATION_WINDOW_S", 3_600)

    async def ask(peer: str) -> int:
        return (await issuer.register("x.y.z", peer=peer)).status_code

    flood = [await ask("198.51.100.9") for _ in range(REGISTRATION_REQUESTS + 5)]
    assert set(flood[:REGISTRATION_REQUESTS]) == {400}
    assert set(flood[REGISTRATION_REQUESTS:]) == {429}
    assert (await issuer.register(peer="203.0.113.7")).status_code == 201
    ring = [await ask(f"[2001:db8:1:1::{n:x}]:443") for n in range(REGISTRATION_REQUESTS + 1)]
    assert ring[-1] == 429  # one customer of an IPv6 provider has a whole /64
    assert await ask("[2001:db8:1:2::1]:443") == 400


async def test_lock_out_forged_proofs_in_a_clients_name_lock_nobody_out(flow: Flow) -> None:
    """Neither forged assertions, nor guessed codes and refresh tokens, cost the client anything."""
    issued = await flow.tokens()
    forger = ECKey.generate_key("P-256")
    real, flow.client.key = flow.client.key, forger
    for _ in range(60):
        refused(await flow.par(), "invalid_client")
    flow.client.key = real
    for _ in range(20):
        refused(await flow.world.refresh(flow.client, f"rft_{new_secret()}"), "invalid_grant")
        refused(await flow.world.exchange(flow.client, new_secret()), "invalid_grant")
    assert (await flow.par()).status_code == 201
    assert (await flow.world.refresh(flow.client, issued["refresh_token"])).status_code == 200


async def test_enumeration_what_is_anothers_is_answered_like_what_is_not(
    flow: Flow, issuer: StatementIssuer
) -> None:
    world = flow.world
    issued = await flow.tokens()
    code = await flow.code()
    pairs = [
        (
            await world.exchange(world.other_client, code),
            await world.exchange(world.other_client, new_secret()),
        ),
        (
            await world.refresh(world.other_client, issued["refresh_token"]),
            await world.refresh(world.other_client, f"rft_{new_secret()}"),
        ),
    ]
    told = (await issuer.register()).json()
    token = f"rat_{new_secret()}"
    unknown = f"/register/app_{'0' * 26}"
    pairs.append(
        (
            await issuer.send("GET", f"/register/{told['client_id']}", token=token),
            await issuer.send("GET", unknown, token=token),
        )
    )
    for anothers, nobodys in pairs:
        assert (anothers.status_code, anothers.content) == (nobodys.status_code, nobodys.content)
        assert anothers.status_code in (400, 401)
        assert set(anothers.headers) == set(nobodys.headers)


async def test_open_redirect_no_error_leads_to_an_address_nobody_registered(
    flow: Flow, browser: Browser
) -> None:
    evil = "https://evil.example/"
    pushed = (await flow.par()).json()["request_uri"]
    for query in (
        {"client_id": flow.client.id, "redirect_uri": evil, "response_type": "code"},
        {"client_id": flow.client.id, "request_uri": evil, "redirect_uri": evil},
        {"client_id": "nobody", "request_uri": pushed, "redirect_uri": evil},
        {"client_id": flow.client.id, "request_uri": pushed + "x", "redirect_uri": evil},
    ):
        page = await browser.get(f"/authorize?{urlencode(query)}")
        assert page.status_code >= 400
        assert "location" not in page.headers
        assert f'href="{evil}' not in page.text  # the way to the other language stays here
    inside = await browser.get(
        "/authorize?" + urlencode({"client_id": flow.client.id, "request_uri": pushed, "x": evil})
    )
    assert inside.headers["location"].startswith("/interactions/")
    for uri in (evil, "https://shop.example/callback/../x", "https://shop.example.evil.example/"):
        refused(await flow.par(redirect_uri=uri), "invalid_request")


async def test_mix_up_every_answer_names_who_answers(flow: Flow) -> None:
    """RFC 9207: also a refusal, and a signed answer, which names its audience too."""
    issuer = flow.world.issuer
    assert (await flow.returned())["iss"] == issuer
    pushed = (await flow.par()).json()["request_uri"]
    said_no = await flow.answered(pushed, "no")
    assert (said_no["error"], said_no["iss"]) == ("access_denied", issuer)
    signed = claims_of((await flow.returned(response_mode="jwt"))["response"])
    assert (signed["iss"], signed["aud"]) == (issuer, flow.client.id)


async def test_mix_up_a_proof_for_another_server_is_worth_nothing_here(flow: Flow) -> None:
    for audience in ("https://evil.example", [flow.world.issuer, "https://evil.example"]):
        refused(await flow.par_with_assertion(aud=audience), "invalid_client")


async def test_code_injection_a_code_fits_only_the_session_it_was_asked_in(flow: Flow) -> None:
    """The attacker's code in the victim's session, and the other way round: PKCE tells."""
    attackers = await flow.code(code_challenge=challenge("a" * 43))
    victims = await flow.code()
    refused(await flow.world.exchange(flow.client, attackers), "invalid_grant")
    injected = await flow.world.exchange(flow.client, victims, code_verifier="a" * 43)
    refused(injected, "invalid_grant")
    own = await flow.world.exchange(flow.client, victims, code_verifier=VERIFIER)
    assert own.status_code == 200  # the attempt has not used it up


async def tokens_with_openid(flow: Flow) -> dict[str, Any]:
    code = await flow.code(scope="openid river-bank.accounts")
    return dict((await flow.world.exchange(flow.client, code)).json())


async def test_token_substitution_no_token_passes_for_one_of_another_kind(flow: Flow) -> None:
    world = flow.world
    issued = await tokens_with_openid(flow)
    answer = (await flow.returned(response_mode="jwt"))["response"]
    for wrong in (issued["id_token"], issued["refresh_token"], answer):
        headers = world.headers(flow.client) | {"authorization": f"Bearer {wrong}"}
        shown = await world.auth.get("/userinfo", headers=headers)
        assert shown.status_code == 401
        assert "invalid_token" in shown.headers["www-authenticate"]
    for token in (issued["access_token"], issued["id_token"]):
        refused(await world.refresh(flow.client, token), "invalid_grant")
        refused(await world.exchange(flow.client, token), "invalid_grant")
        form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": token}
        refused(
            await world.post("/par", world.access_request(flow.client) | form), "invalid_client"
        )


HERE = "127.0.0.0/9,::1/128"


def fetching(trusted: ssl.SSLContext, allowed: str | None = None) -> KeyFetcher:
    return KeyFetcher(
        Outbound(
            trusted,
            PublicAlone(networks(allowed, "WEIR_PARTNER_NETWORKS")),
            timeout_s=JWKS_TIMEOUT_S,
        )
    )


FORBIDDEN = {
    "loopback": "https://127.0.0.1:{port}/jwks",
    "loopback by name": "https://localhost:{port}/jwks",
    "loopback in IPv6": "https://[::1]:{port}/jwks",
    "IPv4 in the clothes of IPv6": "https://[::ffff:127.0.0.1]:{port}/jwks",
    "the clouds' own": "https://169.254.169.254/latest",
    "a private network": "https://10.0.0.1/jwks",
}


@pytest.mark.parametrize("uri", FORBIDDEN.values(), ids=FORBIDDEN)
async def test_jwks_fetch_as_ssrf_private_addresses_are_not_called(
    key_server: KeyServer, authority: Authority, uri: str
) -> None:
    fetcher = fetching(trusting(authority))
    port = key_server.uri.split(":")[2].split("/")[0]
    with pytest.raises(FetchError) as refusal:
        await fetcher.fetch(uri.format(port=port))
    assert key_server.asked == 0
    assert "127" not in str(refusal.value)


async def test_jwks_fetch_as_ssrf_through_a_registration(
    issuer: StatementIssuer, key_server: KeyServer
) -> None:
    """The address is judged when it is called, whatever it was when it was registered."""
    hidden = key_server.uri.replace("localhost", "127.128.0.1")
    told = (await issuer.register(jwks=None, jwks_uri=hidden)).json()
    key = ECKey.generate_key("P-256")
    claims = {"iss": told["client_id"], "sub": told["client_id"]}
    token = jws.serialize_compact({"alg": "ES256", "kid": "x"}, json.dumps(claims), key)
    form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": token}
    answer = await issuer.world.post("/par", form)
    refused(answer, "invalid_client")
    assert "the keys at jwks_uri cannot be fetched" in answer.json()["error_description"]
    assert key_server.asked == 0


HOSTILE = {
    "a redirect": "HTTP/1.1 302 x\r\nlocation: https://localhost/\r\n",
    "another type": "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\n",
    "an error": "HTTP/1.1 500 x\r\ncontent-type: application/json\r\n",
}


@pytest.mark.parametrize("head", HOSTILE.values(), ids=HOSTILE)
async def test_jwks_fetch_takes_no_other_answer(
    key_server: KeyServer, authority: Authority, head: str
) -> None:
    fetcher = fetching(trusting(authority), HERE)
    assert len((await fetcher.fetch(key_server.uri))["keys"]) == 1
    key_server.head = head
    with pytest.raises(FetchError):
        await fetcher.fetch(key_server.uri)
    assert key_server.asked == 2


async def test_jwks_fetch_is_bounded_in_size_depth_and_kind_of_keys(
    key_server: KeyServer, authority: Authority
) -> None:
    fetcher = fetching(trusting(authority), HERE)
    private = ECKey.generate_key("P-256").as_dict(private=True) | {"kid": "x"}
    for body in (
        b'{"keys": [' + b" " * JWKS_BYTES + b"]}",
        b'{"keys": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        b'{"keys": [], "keys": []}',
        json.dumps({"keys": [private]}).encode(),
        json.dumps({"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "x"}]}).encode(),
        b"\xff\xfe",
    ):
        key_server.body = body
        with pytest.raises(FetchError):
            await fetcher.fetch(key_server.uri)


async def test_jwks_fetch_believes_only_a_certificate_for_the_host(key_server: KeyServer) -> None:
    with pytest.raises(FetchError):
        await fetching(ssl.create_default_context(), HERE).fetch(key_server.uri)
    assert key_server.asked == 0


async def test_algorithm_confusion_a_public_key_is_never_a_shared_secret(flow: Flow) -> None:
    """HMAC over the client's public key, and over ours from /jwks, in every spelling."""
    public = flow.client.application.jwks["keys"][0]
    ours = (await flow.world.auth.get("/jwks")).json()["keys"][0]
    for key in (public, ours):
        for secret in (json.dumps(key).encode(), key["x"].encode()):
            signed = jws.serialize_compact(
                {"alg": "HS256", "kid": "one"},
                json.dumps({"iss": flow.client.id, "sub": flow.client.id}),
                OctKey.import_key(secret),
                algorithms=["HS256"],
            )
            refused(await flow.par(client_assertion=signed), "invalid_client")


async def test_algorithm_confusion_a_proof_with_a_symmetric_or_foreign_key(flow: Flow) -> None:
    holder = Holder(flow)
    await holder.learn_nonce()
    for header in (
        {"jwk": {"kty": "oct", "k": "c2VjcmV0"}},
        {"jwk": holder.key.as_dict(private=True)},
        {"jwk": ECKey.generate_key("P-256").as_dict(private=False)},
        {"jwk": None, "jku": "https://evil.example/jwks"},
        {"jwk": holder.key.as_dict(private=False), "x5c": ["MIIB"]},
    ):
        proof = holder.proof("/token", header=header)
        refused(await holder.send("/token", holder.credentials_form(), proof), "invalid_dpop_proof")


def raw_jwt(header: bytes, claims: bytes) -> str:
    """Segments no library would make, with the form of a signature."""
    head, body = (base64.urlsafe_b64encode(each).rstrip(b"=").decode() for each in (header, claims))
    return f"{head}.{body}.{'A' * 86}"


async def test_duplicate_keys_and_parameters_are_refused_whoever_would_win(flow: Flow) -> None:
    world, client = flow.world, flow.client.id
    names = f'"iss": "{client}", "sub": "{client}"'.encode()
    for header, claims in (
        (b'{"alg": "ES256", "alg": "none"}', b"{" + names + b"}"),
        (b'{"alg": "ES256", "kid": "one"}', b"{" + names + b", " + names + b"}"),
    ):
        refused(await flow.par(client_assertion=raw_jwt(header, claims)), "invalid_client")
    twice = '[{"type": "urn:weir:account-access:v1", "type": "urn:weir:payment-initiation:v1"}]'
    answer = await flow.par(authorization_details=twice)
    refused(answer, "invalid_authorization_details")
    form = urlencode(world.access_request(flow.client)).encode()
    for name in (b"client_id", b"scope", b"redirect_uri", b"client_assertion"):
        doubled = form + b"&" + name + b"=x&" + name + b"=y"
        refused(await world.post("/par", doubled), "invalid_request")


async def test_oversized_and_deeply_nested_json_is_refused(flow: Flow) -> None:
    world = flow.world
    deep = "[" * 20_000 + "]" * 20_000
    nested = '{"a":' * 3_000 + "1" + "}" * 3_000
    for details in (deep, nested, '[{"type": ' + deep + "}]", "[" + "0," * 20_000 + "0]"):
        answer = await flow.par(authorization_details=details)
        assert answer.status_code in (400, 413)
    bomb = raw_jwt(b'{"alg": "ES256", "x": ' + b"[" * 2_500 + b"]" * 2_500 + b"}", b"{}")
    refused(await flow.par(client_assertion=bomb), "invalid_client")
    refused(await flow.par(request=bomb), "invalid_request_object")
    headers = [*world.headers(None).items(), *FORM.items(), ("dpop", "a." * 5_000)]
    form = urlencode(Holder(flow).credentials_form())
    refused(await world.auth.post("/token", content=form, headers=headers), "invalid_dpop_proof")
    huge = b"a=" + b"b" * (AUTHORIZATION_FORM_BYTES + 1)
    assert (await world.post("/par", huge)).status_code == 413


async def test_slow_key_servers_hold_up_nobody_else(
    flow: Flow, issuer: StatementIssuer, key_server: KeyServer
) -> None:
    """A client whose key server hangs waits for itself; all others are served meanwhile."""
    key_server.released = asyncio.Event()
    told = (await issuer.register(jwks=None, jwks_uri=key_server.uri)).json()
    claims: dict[str, Any] = {"iss": told["client_id"], "sub": told["client_id"]}
    key = ECKey.generate_key("P-256")
    token = jws.serialize_compact({"alg": "ES256", "kid": "x"}, json.dumps(claims), key)
    form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": token}
    waiting = [asyncio.create_task(flow.world.post("/par", form)) for _ in range(20)]
    await until(lambda: key_server.asked == 1)
    assert (await flow.par()).status_code == 201
    assert not any(each.done() for each in waiting)
    key_server.released.set()
    for answer in await asyncio.gather(*waiting):
        refused(answer, "invalid_client")
    assert key_server.asked == 1
