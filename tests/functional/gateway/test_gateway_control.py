"""What passes through to control: over a private socket, with the truth about the caller."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
import re
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from gateway_lab import GatewayProcess, Lab
from raw_caller import Caller, request

from weir.app.private_sockets import serve_private
from weir.kernel.declares import PLATFORM_UNAVAILABLE
from weir.kernel.outcomes import Refusal
from weir.wire.declares import BODY_TOO_LARGE
from weir.wire.peer import private_socket

MEGABYTE = 1024 * 1024


async def model_control(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Plays control: says what it was told, or answers as the path asks."""
    digest, size, more = hashlib.sha256(), 0, True
    while more:
        event = await receive()
        digest.update(event.get("body", b""))
        size += len(event.get("body", b""))
        more = event.get("more_body", False)
    headers = [(name.decode(), value.decode()) for name, value in scope["headers"]]
    told = {
        "method": scope["method"],
        "target": scope["raw_path"].decode() + "?" + scope["query_string"].decode(),
        "headers": headers,
        "sha256": digest.hexdigest(),
        "bytes": size,
    }
    answered = [
        (b"content-type", b"application/json"),
        (b"set-cookie", b"a=1"),
        (b"set-cookie", b"b=2"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": answered})
    if scope["path"] == "/stream":
        for _ in range(100):
            body = bytes(50_000)
            await send({"type": "http.response.body", "body": body, "more_body": True})
    await send({"type": "http.response.body", "body": json.dumps(told).encode()})


@pytest.fixture(scope="module")
async def control(lab: Lab) -> AsyncIterator[Path]:
    path = lab.folder / "run" / "c.sock"
    stop = asyncio.Event()
    serving = asyncio.create_task(serve_private(model_control, path, stop))
    while not path.exists():
        await asyncio.sleep(0.01)
    yield path
    stop.set()
    await serving


async def told(answer: Any) -> tuple[dict[str, Any], dict[str, str]]:
    body: dict[str, Any] = json.loads(answer.body)
    headers = dict(body["headers"])
    assert len(headers) == len(body["headers"]), "a field stands twice"
    return body, headers


@pytest.mark.parametrize("role", ["auth", "portal"])
async def test_control_is_told_who_asks_on_the_public_port(
    lab: Lab, gateway: GatewayProcess, control: Path, role: str
) -> None:
    caller = await Caller.connect(gateway.public_port, lab.tls(None), f"{role}.localhost")
    host = f"{role}.localhost:{gateway.public_port}"
    pretence = {
        "Weir-Peer": "10.0.0.1",
        "weir-client-certificate": "forged",
        "weir_client_certificate_sha256": "forged",
        "cookie": "session=1",
        "connection": "keep-alive",
    }
    answer = await caller.call("GET", "/a%20b?c=d%2Fe", pretence, host=host)
    body, headers = await told(answer)
    assert body["target"] == "/a%20b?c=d%2Fe"
    assert headers["host"] == host
    assert headers["cookie"] == "session=1"
    assert headers["weir-host-role"] == role
    assert headers["weir-peer"] == "127.0.0.1"
    assert headers["weir-port-kind"] == "public"
    assert headers["weir-interaction-id"] == answer.headers["x-fapi-interaction-id"]
    assert not [name for name in headers if "certificate" in name or "_" in name]
    await caller.close()


async def test_control_is_told_the_verified_certificate(
    lab: Lab, gateway: GatewayProcess, control: Path
) -> None:
    caller = await Caller.connect(gateway.mtls_port, lab.tls(), "manage.localhost")
    answer = await caller.call("POST", "/v1/things", {"x": "y"}, b"{}", host="manage.localhost")
    _, headers = await told(answer)
    assert (headers["weir-port-kind"], headers["weir-host-role"]) == ("mtls", "manage")
    identity = lab.identities["app_shop"]
    assert headers["weir-client-certificate-sha256"] == identity.thumbprint
    der = base64.b64decode(headers["weir-client-certificate"])
    digest = base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()
    assert digest == identity.thumbprint
    await caller.close()


async def test_bodies_pass_both_ways_as_they_are(
    lab: Lab, gateway: GatewayProcess, control: Path
) -> None:
    caller = await Caller.connect(gateway.public_port, lab.tls(None), "portal.localhost")
    body = bytes(range(256)) * 20_000
    answer = await caller.call("POST", "/upload", None, body, host="portal.localhost")
    got, _ = await told(answer)
    assert (got["bytes"], got["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())
    answer = await caller.call("GET", "/stream", host="portal.localhost")
    assert answer.body.startswith(bytes(5_000_000))
    head = await caller.call("HEAD", "/x", host="portal.localhost")
    assert (head.status, head.body) == (200, b"")
    await caller.close()


async def test_both_cookies_of_an_answer_arrive(
    lab: Lab, gateway: GatewayProcess, control: Path
) -> None:
    caller = await Caller.connect(gateway.public_port, lab.tls(None), "portal.localhost")
    await caller.send(request("GET", "/x", host="portal.localhost"))
    head = await caller.reader.readuntil(b"\r\n\r\n")
    assert head.count(b"set-cookie: ") == 2
    await caller.close()


async def test_a_body_over_controls_bound_is_refused(
    lab: Lab, gateway: GatewayProcess, control: Path
) -> None:
    caller = await Caller.connect(gateway.public_port, lab.tls(None), "portal.localhost")
    length = {"content-length": str(17 * MEGABYTE)}
    await caller.send(request("POST", "/x", length, host="portal.localhost"))
    assert (await caller.read()).code == "body_too_large"
    await caller.close()
    browser = await Caller.connect(gateway.public_port, lab.tls(None), "portal.localhost")
    form = length | {"accept": "text/html"}
    await browser.send(request("POST", "/x", form, host="portal.localhost"))
    page = await browser.read()
    assert (page.status, BODY_TOO_LARGE.zh in page.body.decode()) == (413, True)
    await browser.close()


async def test_without_control_the_platform_is_unavailable_and_calls_flow(lab: Lab) -> None:
    gateway = await lab.start_gateway(controls=[lab.folder / "run" / "nobody.sock"])
    caller = await Caller.connect(gateway.public_port, lab.tls(None), "auth.localhost")
    answer = await caller.call("GET", "/x", host="auth.localhost")
    assert (answer.status, answer.code) == (503, "platform_unavailable")
    browsing = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    page = await caller.call("GET", "/x", browsing, host="auth.localhost")
    assert (page.status, page.headers["content-type"]) == (503, "text/html; charset=utf-8")
    shown = page.body.decode()
    assert "Nothing was changed. Wait a moment" in shown
    assert PLATFORM_UNAVAILABLE.zh in shown
    (style,) = re.findall(r"<style>(.*)</style>", shown)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in page.headers["content-security-policy"]
    api = await Caller.connect(gateway.mtls_port, lab.tls())
    headers = {"authorization": f"Bearer {await lab.token()}"}
    assert (await api.call("GET", f"{lab.prefix}/rates", headers)).status == 200
    gateway.kill()


# --- the private socket -------------------------------------------------------------------------


async def test_the_socket_and_its_folder_are_private(folder: Path) -> None:
    path = folder / "inner" / "x.sock"
    path.parent.mkdir(mode=0o755)
    listening = private_socket(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    listening.close()
    replaced = private_socket(path)  # nobody listens on the old one any more
    replaced.close()


async def test_a_folder_that_is_a_link_is_not_used(folder: Path) -> None:
    (folder / "real").mkdir()
    (folder / "link").symlink_to(folder / "real")
    with pytest.raises(Refusal) as refused:
        private_socket(folder / "link" / "x.sock")
    assert refused.value.outcome.code == "home_unusable"


async def test_a_peer_that_runs_as_another_user_is_dropped_before_it_can_speak(
    control: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """We are the peer, so it is control that is made to run as somebody else."""
    own = os.geteuid()
    for uid, answered in ((own + 1, False), (own, True)):
        monkeypatch.setattr("weir.wire.peer.os.geteuid", lambda uid=uid: uid)
        reader, writer = await asyncio.open_unix_connection(str(control))
        writer.write(b"GET /x HTTP/1.1\r\nhost: portal.localhost\r\n\r\n")
        try:
            said = await reader.read(10)
        except ConnectionError:
            said = b""
        assert (said == b"HTTP/1.1 2") is answered
        writer.close()


async def test_health_is_told_on_the_private_socket(gateway: GatewayProcess) -> None:
    assert gateway.ask("/livez") == (200, "ok\n")
    assert gateway.ask("/readyz") == (200, "ready\n")
    assert gateway.ask("/elsewhere")[0] == 404
    status, text = gateway.ask("/metrics")
    assert status == 200
    assert "# TYPE weir_gateway_calls counter" in text or "weir_gateway_calls_total" in text
    assert stat.S_IMODE(os.stat(gateway.config["health_socket"]).st_mode) == 0o600
