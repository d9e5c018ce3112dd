"""Certificates of the gateway's own, replaced under open connections."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

from gateway_lab import Desk, Lab
from raw_caller import Caller

from waits import until
from weir.keys.authority import KeyAndCertificate
from weir.wire.certificate_files import Presented
from weir.wire.listeners import MemberTls


def write(folder: Path, name: str, issued: KeyAndCertificate) -> bytes:
    """A new key and certificate into the files, the key first; its DER."""
    (folder / f"{name}.key").write_text(issued.key_pem)
    (folder / f"{name}.pem").write_text(issued.certificate.pem)
    return ssl.PEM_cert_to_DER_cert(issued.certificate.pem)


async def presented_by(lab: Lab, port: int) -> bytes:
    """The certificate a server shows to a new connection."""
    _, writer = await asyncio.open_connection(
        "127.0.0.1", port, ssl=lab.tls(), server_hostname="api.localhost"
    )
    der = writer.get_extra_info("ssl_object").getpeercert(True)
    writer.close()
    return bytes(der)


async def test_a_renewed_server_certificate_is_presented_and_no_connection_is_dropped(
    lab: Lab,
) -> None:
    gateway = await lab.start_gateway()
    caller = await Caller.connect(gateway.mtls_port, lab.tls())
    desk = Desk(caller, await lab.token())
    assert (await desk.call("GET", "/rates")).status == 200
    before = await presented_by(lab, gateway.mtls_port)
    hosts = [f"{role}.localhost" for role in ("api", "auth", "portal", "manage")]
    renewed = write(lab.folder, "server", lab.authority.issue_own("server", hosts))

    async def is_renewed() -> bool:
        shown = await presented_by(lab, gateway.mtls_port)
        assert shown in (before, renewed)
        assert (await desk.call("GET", "/rates")).status == 200  # on the connection of the start
        return shown == renewed

    await until(is_renewed)
    await caller.close()
    gateway.kill()


async def test_a_renewed_client_certificate_is_what_members_see_next(
    lab: Lab, folder: Path
) -> None:
    seen: list[bytes] = []

    async def member(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(writer.get_extra_info("ssl_object").getpeercert(True))
        writer.close()

    own = lab.authority.issue_own("member", ["127.0.0.1"])
    (folder / "m.pem").write_text(own.key_pem + own.certificate.pem)
    server_tls = ssl.create_default_context(
        ssl.Purpose.CLIENT_AUTH, cadata=lab.authority.gateways_pem
    )
    server_tls.load_cert_chain(folder / "m.pem")
    server_tls.verify_mode = ssl.CERT_REQUIRED
    server = await asyncio.start_server(member, "127.0.0.1", 0, ssl=server_tls)
    port = server.sockets[0].getsockname()[1]

    async def call(tls: MemberTls) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=tls.context())
        await reader.read()
        writer.close()
        return seen[-1]

    first = write(folder, "client", lab.authority.issue_gateway())
    presented = Presented(folder / "client.pem", folder / "client.key")
    tls = MemberTls(presented, lab.folder / "root.pem")
    assert await call(tls) == first
    assert not presented.renew()
    issued = lab.authority.issue_gateway()
    (folder / "client.key").write_text(issued.key_pem)
    assert not presented.renew()  # half of the pair: not a moment without a certificate that fits
    assert await call(tls) == first
    (folder / "client.pem").write_text(issued.certificate.pem)
    assert presented.renew()
    assert await call(tls) == ssl.PEM_cert_to_DER_cert(issued.certificate.pem)
    (folder / "client.pem").unlink()
    assert not presented.renew()
    server.close()
