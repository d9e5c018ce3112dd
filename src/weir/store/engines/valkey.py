"""The embedded Valkey, reached only by a Unix socket and a password, with an append-only file."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, ClassVar, Final
from urllib.parse import quote

import valkey

from weir.store.engines import binaries
from weir.store.engines.binaries import Engine
from weir.store.engines.files import make_folder
from weir.store.engines.home import Home
from weir.store.engines.process import GENTLE, Ending
from weir.store.engines.server import EngineServer, NotReady

SETTINGS: Final = (
    ("port", "0"),  # no TCP
    ("unixsocketperm", "700"),
    ("dir", "./"),  # where it was started: the data folder
    ("daemonize", "no"),
    ("appendonly", "yes"),
    # Written before the answer: a killed process loses nothing, a power cut at most a second.
    ("appendfsync", "everysec"),
    ("save", '""'),  # the append-only file is the one copy
    ("maxmemory", "512mb"),
    # A full cache refuses writes: dropping a replay entry would let a proof be used twice.
    ("maxmemory-policy", "noeviction"),
    ("hide-user-data-from-log", "yes"),
)
_SOCKET: Final = "valkey.sock"
_TIMEOUT_S: Final = 5


class EmbeddedValkey(EngineServer):
    """The Valkey server of one home. Its only user is `default`, with a password."""

    title = "Valkey"
    name = "valkey"
    short = "vk"
    executable = "valkey-server"
    ending: ClassVar[Ending] = GENTLE

    def __init__(self, home: Home, engine: Engine | None = None) -> None:
        super().__init__(home, engine or binaries.valkey())

    def url(self) -> str:
        """Return the URL for `valkey.Valkey.from_url` and its async counterpart."""
        password = quote(self._password(), safe="")
        return f"unix://:{password}@{quote(str(self._socket()))}?db=0"

    # --- The start ----------------------------------------------------------------------------

    def _prepare(self, _engine: Engine) -> None:
        folder = self.home.passable_folder(self.name)
        make_folder(folder / self.data.name, owner=self.home.engine_user)
        self._socket().unlink(missing_ok=True)

    def _argv(self, engine: Engine) -> list[str]:
        # This keeps the mark in the titles of the process and of the children that it forks.
        title = ("--proc-title-template", f"{{title}} {self.mark}")
        (part,) = engine.parts
        return [str(engine.path(part) / "valkey-server"), "-", *title]

    def _configuration(self) -> bytes:
        """Pass the settings by standard input, so that no file holds them, even the password.

        Of the password, only the SHA-256 is passed.
        """
        digest = hashlib.sha256(self._password().encode()).hexdigest()
        lines = [f"{name} {value}" for name, value in SETTINGS]
        lines.append(f'unixsocket "{self._socket()}"')
        lines.append(f"user default reset on #{digest} ~* &* +@all")
        return "\n".join((*lines, "")).encode()

    def _ask_version(self) -> str:
        client = valkey.Valkey(
            unix_socket_path=str(self._socket()),
            password=self._password(),
            socket_timeout=_TIMEOUT_S,
        )
        try:
            facts: Any = client.info("server")
            return str(facts["valkey_version"])
        except (valkey.ConnectionError, valkey.TimeoutError) as error:  # loading is among them
            raise NotReady(str(error)) from error
        finally:
            client.connection_pool.disconnect()

    # --- Inside -------------------------------------------------------------------------------

    def _password(self) -> str:
        return self.home.secret("valkey-default")

    def _socket(self) -> Path:
        return self.home.socket_folder(self.short, for_engine=True) / _SOCKET
