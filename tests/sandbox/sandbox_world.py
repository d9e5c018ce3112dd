"""What the sandbox's tests stand on: certificates, running institutions, a checking client.

Every answer an institution gives to the client is validated against its own document.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import http.server
import ipaddress
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import IO, Any

import httpx
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID
from openapi_schema_validator import OAS30Validator, OAS31Validator

from waits import PATIENCE_S, until

DOCUMENTS = {"bank": "bank.yaml", "insurer": "insurer.json", "securities": "securities.yaml"}
SEED = 2026
HEADER = "openfinance-identity"
INTERACTION = "x-fapi-interaction-id"
MEMBER = "river-bank"
PLATFORM_KEY = ec.generate_private_key(ec.SECP256R1())
ISSUERS: list[str] = []
CUSTOMERS = 1000

NewDatabase = Callable[[], str]


@dataclass
class Certificates:
    """Two authorities: of gateways (`gateway`, and `unnamed`, which lacks its name), and of all
    others (`institution`, `staff`, `stranger`).
    """

    folder: Path

    def __post_init__(self) -> None:
        self._keys = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("ca", "gateways")}
        for name in self._keys:
            self._issue(name, name)
        for name in ("institution", "staff", "stranger"):
            self._issue(name, "ca")
        for name in ("gateway", "unnamed"):
            self._issue(name, "gateways")

    def _issue(self, name: str, issuer: str) -> None:
        authority = name == issuer
        key = self._keys[name] if authority else ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.now(datetime.UTC)
        loopback: x509.GeneralName = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
        if name == "gateway":
            loopback = x509.UniformResourceIdentifier("urn:weir:gateway")
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(authority, None), critical=True)
            .add_extension(x509.SubjectAlternativeName([loopback]), critical=False)
            .sign(self._keys[issuer], hashes.SHA256())
        )
        self.certificate(name).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        self.key(name).write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )

    def certificate(self, name: str) -> Path:
        return self.folder / f"{name}.pem"

    def key(self, name: str) -> Path:
        return self.folder / f"{name}.key"

    def client_tls(self, name: str | None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.certificate("ca"))
        if name is not None:
            context.load_cert_chain(self.certificate(name), self.key(name))
        return context


@dataclass
class Running:
    """An institution's process. `port` is where it said it listens."""

    process: subprocess.Popen[str]
    port: int
    database_url: str

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        status = self.process.wait(timeout=PATIENCE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status


def command(certificates: Certificates, institution: str, url: str, *more: str) -> list[str]:
    return [
        sys.executable, "-m", "weir_sandbox", institution, "--port", "0", "--database-url", url,
        "--certificate", str(certificates.certificate("institution")),
        "--key", str(certificates.key("institution")),
        "--ca", str(certificates.certificate("gateways")),
        "--staff", str(certificates.certificate("staff")),
        "--issuer", platform_issuer(certificates),
        "--platform-ca", str(certificates.certificate("ca")), "--member", MEMBER, *more,
    ]  # fmt: skip


def launch(
    certificates: Certificates,
    institution: str,
    url: str,
    *more: str,
    stderr: IO[str] | None = None,
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(certificates, institution, url, *more),
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )


def ready(process: subprocess.Popen[str], url: str) -> Running:
    """Waits for the line that says the institution accepts."""
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line, (
        f"it ended with {process.wait(PATIENCE_S)}"
    )  # what it said is in the captured error
    said = json.loads(line)
    assert said["ready"] is True
    return Running(process, said["port"], url)


def identity(
    accounts: list[str] | None = None, client: str = "app_test", interaction: str | None = None
) -> dict[str, str]:
    """The facts of an identity, which `Client` signs for the request it sends them with."""
    facts = {
        "client_id": client,
        "organisation": "org_test",
        "consent_id": "cns_test" if accounts is not None else None,
        "accounts": accounts,
    }
    return {HEADER: json.dumps(facts), INTERACTION: interaction or str(uuid.uuid4())}


def claims(facts: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """The claims of an identity for all calls of a token."""
    now = int(time.time())
    return {"iss": issuer_of_tests(), "aud": MEMBER, "iat": now, "exp": now + 60} | facts | changed


def bound(request: httpx.Request) -> dict[str, Any]:
    """What an identity adds that is signed for this request alone."""
    return {
        "jti": uuid.uuid4().hex,
        "htm": request.method,
        "target_uri": str(request.url),
        "body_sha256": base64url(hashlib.sha256(request.content).digest()),
        "interaction_id": request.headers[INTERACTION],
    }


def signed(
    claims: object,
    key: ec.EllipticCurvePrivateKey | None = None,
    **header: Any,
) -> str:
    """A compact JWS by the platform's key, or another."""
    members = {"alg": "ES256", "kid": "key_1", "typ": "openfinance-identity+jwt"} | header
    raw = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    text = f"{base64url(json.dumps(members).encode())}.{base64url(raw)}"
    der = (key or PLATFORM_KEY).sign(text.encode(), ec.ECDSA(hashes.SHA256()))
    r, s = decode_dss_signature(der)
    return f"{text}.{base64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


async def _sign(request: httpx.Request) -> None:
    """Sign the facts that a test gave, for this request."""
    facts = request.headers.get(HEADER, "")
    if facts.startswith("{"):
        request.headers[HEADER] = signed(claims(json.loads(facts)) | bound(request))


class _Keys(http.server.BaseHTTPRequestHandler):
    """The platform's published keys."""

    def do_GET(self) -> None:
        point = PLATFORM_KEY.public_key().public_numbers()
        x, y = (base64url(each.to_bytes(32, "big")) for each in (point.x, point.y))
        key = {"kid": "key_1", "alg": "ES256", "use": "sig", "kty": "EC", "crv": "P-256"}
        body = json.dumps({"keys": [key | {"x": x, "y": y}]}).encode()
        self.send_response(200 if self.path == "/jwks" else 404)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        return None


@lru_cache
def _platform(certificate: Path, key: Path) -> int:
    """The port of a platform that publishes its keys, for as long as the tests run."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Keys)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return int(server.server_address[1])


def platform_issuer(certificates: Certificates) -> str:
    key = certificates.key("institution")
    port = _platform(certificates.certificate("institution"), key)
    ISSUERS.append(f"https://127.0.0.1:{port}")
    return ISSUERS[-1]


def issuer_of_tests() -> str:
    return ISSUERS[-1]


class Document:
    """An institution's OpenAPI document, and the check of an answer against it."""

    def __init__(self, institution: str) -> None:
        self.content = _read(DOCUMENTS[institution])
        newer = self.content["openapi"].startswith("3.1")
        self._validator = OAS31Validator if newer else OAS30Validator

    def operations(self) -> set[tuple[str, str]]:
        return {
            (method.upper(), path)
            for path, item in self.content["paths"].items()
            for method in item
        }

    def check(self, response: httpx.Response) -> None:
        """The answer's status, media type and body are as described."""
        path, method = response.request.url.path, response.request.method.lower()
        found = [p for p in self.content["paths"] if re.fullmatch(_pattern(p), path)]
        described = next((p for p in found if method in self.content["paths"][p]), None)
        if described is None:
            assert response.status_code in (404, 405)
            self.validate(response.json(), {"$ref": "#/components/schemas/Problem"})
            return
        answers = self.content["paths"][described][method]["responses"]
        answer = answers.get(str(response.status_code), answers["default"])
        if "$ref" in answer:
            answer = self.content["components"]["responses"]["Problem"]
            assert response.status_code >= 400
        media_type = response.headers["content-type"].partition(";")[0]
        schema = answer["content"][media_type]["schema"]
        is_json = "json" in media_type
        self.validate(response.json() if is_json else response.text, schema)

    def validate(self, value: object, schema: dict[str, Any]) -> None:
        whole = {"components": self.content["components"], "allOf": [schema]}
        self._validator(whole, format_checker=self._validator.FORMAT_CHECKER).validate(value)


@lru_cache
def _read(name: str) -> dict[str, Any]:
    raw = files("weir_sandbox").joinpath("documents", name).read_text("utf-8")
    content: dict[str, Any] = yaml.safe_load(raw)
    return content


def _pattern(path: str) -> str:
    key_may_hold_slashes = re.sub(r"\{idempotency_key\}", ".+", path)
    return re.sub(r"\{[a-z_]+\}", "[^/]+", key_may_hold_slashes)


class Client:
    """The gateway's side of an institution. Every answer is checked against the document."""

    def __init__(self, institution: str, running: Running, tls: ssl.SSLContext) -> None:
        self.document = Document(institution)
        self.running = running
        self.http = httpx.AsyncClient(
            base_url=running.url,
            verify=tls,
            timeout=PATIENCE_S,
            event_hooks={"request": [_sign]},
            limits=httpx.Limits(max_connections=60),
        )

    async def send(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, **more: Any
    ) -> httpx.Response:
        response = await self.http.request(method, path, headers=headers or {}, **more)
        self.document.check(response)
        return response

    async def get(
        self, path: str, accounts: list[str] | None = None, **more: Any
    ) -> httpx.Response:
        return await self.send("GET", path, headers=identity(accounts), **more)

    async def post(
        self, path: str, body: object, accounts: list[str] | None = None, *,
        key: str | None = None, client: str = "app_test", interaction: str | None = None,
    ) -> httpx.Response:  # fmt: skip
        headers = identity(accounts, client, interaction)
        if key is not None:
            headers["x-idempotency-key"] = key
        return await self.send("POST", path, headers=headers, json=body)

    async def platform(self, path: str) -> httpx.Response:
        return await self.send("GET", path)

    async def lines(self, interaction: str) -> list[dict[str, Any]]:
        """The log's lines of one interaction, as many as there are now."""
        return [a for a in await self.answers() if a["interaction_id"] == interaction]

    async def logged(self, interaction: str) -> list[dict[str, Any]]:
        """The log's lines of one interaction, once there are any."""
        return list(await until(lambda: self.lines(interaction)))

    async def answers(self) -> list[dict[str, Any]]:
        """The whole log, page by page."""
        found: list[dict[str, Any]] = []
        while True:
            after = found[-1]["id"] if found else 0
            page = (await self.platform(f"/directory/answers?after_id={after}&limit=1000")).json()
            if not page["answers"]:
                return found
            found += page["answers"]


def database_name(purpose: str) -> str:
    return f"sandbox_{purpose}_{os.getpid()}"
