"""Certificates in files, and the TLS contexts that present them: renewed without a restart.

A context that is given another certificate presents it in handshakes that begin from then on; open
connections keep the one they were opened with, so none is dropped.
"""

from __future__ import annotations

import ssl
from pathlib import Path
from weakref import WeakSet

_Seen = tuple[tuple[int, int, int], ...] | None


class Presented:
    """One certificate chain with its key, in PEM files that may be replaced at any time."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._files = (certificate, key)
        self._seen = self._state()
        self._contexts: WeakSet[ssl.SSLContext] = WeakSet()

    def present_in(self, context: ssl.SSLContext) -> None:
        """Let a context present it, now and after every renewal. OSError, SSLError (an OSError)."""
        context.load_cert_chain(*self._files)
        self._contexts.add(context)

    def renew(self) -> bool:
        """Present the files' present content. False when they are unchanged, or not yet whole.

        Two files are never replaced in one step: a certificate is tried with its key in a
        throw-away context first, since a context keeps nothing useful of a pair that does not fit.
        """
        state = self._state()
        if state is None or state == self._seen:
            return False
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*self._files)
        except OSError:
            return False
        for context in tuple(self._contexts):
            context.load_cert_chain(*self._files)
        self._seen = state
        return True

    def _state(self) -> _Seen:
        """Return values that change whenever a file is written or replaced: inode, time, size."""
        try:
            stats = [each.stat() for each in self._files]
        except OSError:
            return None
        return tuple((each.st_ino, each.st_mtime_ns, each.st_size) for each in stats)
