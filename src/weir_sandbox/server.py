"""The server of one institution: TLS, the listening socket, the line that says it is ready."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import ssl
import sys
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Final

import uvicorn

from weir_sandbox.application import application
from weir_sandbox.database import Database, connection_string
from weir_sandbox.institution import Institution
from weir_sandbox.limits import KEEP_ALIVE_S, SHUTDOWN_S
from weir_sandbox.operations import Desk
from weir_sandbox.peers import PeerProtocol
from weir_sandbox.platform_keys import Platform
from weir_sandbox.preparation import Generation, prepare

_HOST: Final = "127.0.0.1"
_MEDIA_TYPES: Final = {".yaml": "application/yaml", ".json": "application/json"}


@dataclass(frozen=True, slots=True)
class Listening:
    """The port, certificate and key of an institution, and whom it lets in.

    `ca` is the issuer of gateways' certificates, `staff` are certificates of its own people (PEM).
    """

    port: int
    certificate: Path
    key: Path
    ca: Path
    staff: tuple[Path, ...] = ()


def serve(
    institution: Institution, url: str, wanted: Generation, at: Listening, platform: Platform
) -> None:
    """Fill the database at the first start, then answer until SIGTERM or SIGINT."""
    conninfo = connection_string(url, institution.schema)
    made = prepare(conninfo, institution.name, institution.schema, wanted, institution.fill)
    if (made.seed, made.customers) != (wanted.seed, wanted.customers):
        print(
            f"this database keeps seed {made.seed} and {made.customers} customers", file=sys.stderr
        )
    desk = Desk(
        database=Database(conninfo),
        seed=made.seed,
        document=files("weir_sandbox").joinpath("documents", institution.document).read_bytes(),
        document_type=_MEDIA_TYPES[Path(institution.document).suffix],
    )
    app = application(institution.operations, desk, platform, _digests(at.staff))
    config = uvicorn.Config(
        app,
        host=_HOST,
        port=at.port,
        loop="uvloop",
        http=PeerProtocol,
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=SHUTDOWN_S,
        ssl_context_factory=lambda *_: server_tls(at),
    )
    InstitutionServer(config, institution.name).run()


def server_tls(at: Listening) -> ssl.SSLContext:
    """Return a context of TLS 1.2 or newer that requires a certificate by the CA, or of staff.

    Sessions are not resumed: every connection shows its certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    for trusted in (at.ca, *at.staff):
        context.load_verify_locations(trusted)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # of staff, the very certificate
    context.load_cert_chain(at.certificate, at.key)
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    return context


def _digests(certificates: Iterable[Path]) -> frozenset[str]:
    """Return the SHA-256 (hex) of each certificate."""
    pems = (each.read_text("ascii") for each in certificates)
    return frozenset(sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest() for pem in pems)


class InstitutionServer(uvicorn.Server):
    """uvicorn's server, which prints a line when it accepts and ends with status 0."""

    def __init__(self, config: uvicorn.Config, institution: str) -> None:
        super().__init__(config)
        self._institution = institution

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        port = self.servers[0].sockets[0].getsockname()[1]
        ready = {"ready": True, "institution": self._institution, "port": port}
        print(json.dumps(ready), flush=True)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """End on SIGTERM or SIGINT without raising the signal again afterwards."""
        kinds = (signal.SIGTERM, signal.SIGINT)
        before = {kind: signal.signal(kind, self.handle_exit) for kind in kinds}
        try:
            yield
        finally:
            for kind, handler in before.items():
                signal.signal(kind, handler)
