"""`weir sign-in` and `weir sign-out`: a person acts at this terminal for some minutes."""

from __future__ import annotations

import asyncio
import getpass
import os
import re
import socket
import sys
import webbrowser
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Annotated, Final

import typer

from weir.cli.failures import CommandError
from weir.cli.profiles import DEFAULT, ProfileName, configured_platform, folder_of
from weir.identity.declares import MACHINE_CHARACTERS, TERMINAL_SESSION_S

if TYPE_CHECKING:
    from weir.client.exchange import Exchange
    from weir.client.platform import Platform
    from weir.client.terminal import TerminalSession, TerminalSignIn

_ANSWER: Final = re.compile(rb"GET /\?answer=([A-Za-z0-9_-]{43}) HTTP/1\.[01]\r\n")
_UNSEEN: Final = re.compile(r"[^\w.@+-]", re.ASCII)
_BACK: Final = (
    "<!doctype html><meta charset=utf-8><title>weir</title><p>Go on in the terminal; this page can"
    " be closed.<p lang=zh-Hans>请回到终端继续操作，本页面可以关闭。"
)


def sign_in(
    browser: Annotated[
        bool | None,
        typer.Option(
            "--browser/--no-browser",
            help="Open one here, or print an address and a code for one elsewhere.",
        ),
    ] = None,
    ca: Annotated[
        Path | None, typer.Option(help="The alliance's root; default HOME/tls/authority.pem.")
    ] = None,
    profile: ProfileName = DEFAULT,
) -> None:
    """Act at this terminal yourself for half an hour: sign in and confirm it in a browser."""
    here = _has_browser() if browser is None else browser
    session = asyncio.run(_sign_in(configured_platform(ca), here))
    session.save(folder_of(profile))
    minutes = TERMINAL_SESSION_S // 60
    print(f"Signed in as {session.display_name}, {session.role} of {session.organisation_slug}.")
    print(f"  Profile   {folder_of(profile)}")
    print(f"  Ends      in {minutes} minutes, or by weir sign-out")


def sign_out(profile: ProfileName = DEFAULT) -> None:
    """End the session of this terminal."""
    from weir.client.errors import RefusedError
    from weir.client.exchange import Exchange
    from weir.client.terminal import TerminalSession, end

    folder = folder_of(profile)
    session = TerminalSession.load(folder)
    if session is None:
        raise CommandError(f"Nobody is signed in at {folder}.")

    async def run() -> None:
        async with Exchange(session.platform.ca_file, connections=1) as exchange:
            await end(session, exchange)

    TerminalSession.remove(folder)
    try:
        asyncio.run(run())
    except RefusedError as error:
        if error.code != "terminal_session_ended":
            raise
    print("Signed out.")


async def _sign_in(platform: Platform, here: bool) -> TerminalSession:
    from weir.client.exchange import Exchange

    async with Exchange(platform.ca_file, connections=1) as exchange:
        return await (_by_port if here else _by_code)(platform, exchange)


async def _by_port(platform: Platform, exchange: Exchange) -> TerminalSession:
    """Sign in by a browser of this machine, which brings the answer to a port (RFC 8252)."""
    from weir.client import terminal

    came: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = await asyncio.wait_for(reader.readline(), 10)
            found = _ANSWER.fullmatch(line)
            body = _BACK.encode() if found else b""
            head = (
                f"HTTP/1.1 {'200 OK' if found else '404 Not Found'}\r\n"
                "content-type: text/html; charset=utf-8\r\ncache-control: no-store\r\n"
                f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
            )
            writer.write(head.encode() + body)
            await writer.drain()
            if found and not came.done():
                came.set_result(found[1].decode())
        except (TimeoutError, ValueError, OSError):
            pass  # a stranger at the port: the browser comes by itself
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=4_096)
    async with server:
        port = server.sockets[0].getsockname()[1]
        asked = await terminal.ask(platform, exchange, machine=_machine(), port=port)
        print(f"Confirm in your browser that it shows this code: {asked.code}")
        print(f"If none opens, open {asked.address}")
        sys.stdout.flush()
        # A browser of the terminal itself does not return before it is closed.
        Thread(target=webbrowser.open, args=(asked.address,), daemon=True).start()
        try:
            answer = await asyncio.wait_for(came, asked.expires_in_s)
        except TimeoutError as error:
            raise CommandError("Nobody confirmed it in time. Run `weir sign-in` again.") from error
        session = await asked.claim(answer)
    if session is None:
        raise CommandError("It was not confirmed. Run `weir sign-in` again.")
    return session


async def _by_code(platform: Platform, exchange: Exchange) -> TerminalSession:
    """Sign in by a browser elsewhere, in which the person types a code (RFC 8628)."""
    from weir.client import terminal

    asked = await terminal.ask(platform, exchange, machine=_machine())
    print(f"Open {asked.address} in a browser, sign in, and type this code: {asked.code}")
    print("Type it only there, and give it to nobody: who has it confirmed acts for you.")
    print(f"Waiting, for {asked.expires_in_s // 60} minutes at most.")
    sys.stdout.flush()
    return await _confirmed(asked)


async def _confirmed(asked: TerminalSignIn) -> TerminalSession:
    """Ask again until a person has confirmed it."""
    for _ in range(asked.expires_in_s // asked.interval_s):
        session = await asked.claim()
        if session is not None:
            return session
        await asyncio.sleep(asked.interval_s)
    raise CommandError("Nobody confirmed it in time. Run `weir sign-in` again.")


def _machine() -> str:
    """Return this machine's name as the person will read it: who is at which host."""
    name = f"{getpass.getuser()}@{socket.gethostname()}"
    return _UNSEEN.sub("-", name)[:MACHINE_CHARACTERS]


def _has_browser() -> bool:
    """Whether a browser can open on the machine before which the person sits."""
    if os.environ.get("BROWSER"):
        return True
    if os.environ.get("SSH_CONNECTION"):
        return False
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
