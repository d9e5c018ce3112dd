"""The browser that looks at a running demo: Debian's own Chromium, and nothing outside reached."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.async_api import Browser, async_playwright

from demo_process import Demo

MISSING = (
    "The browser tests need Chromium and a Chinese font, and this user may not install them. "
    "On Debian: apt-get install chromium fonts-noto-cjk"
)


def _chromium() -> str:
    found = shutil.which("chromium")
    assert found is not None, MISSING
    return found


def _own_key_of(demo: Demo) -> str:
    """The gateway's public key as Chromium pins it: passkeys do not work past a broken chain."""
    pem = ssl.get_server_certificate(("127.0.0.1", int(demo.port("portal"))))
    key = x509.load_pem_x509_certificate(pem.encode()).public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(spki).digest()).decode()


@asynccontextmanager
async def launched(demo: Demo) -> AsyncIterator[Browser]:
    """The browser; it trusts this demo's gateway by its key, and nothing else is lowered."""
    arguments = [
        f"--ignore-certificate-errors-spki-list={_own_key_of(demo)}",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE *.localhost",
    ]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=_chromium(),
            args=arguments,
            chromium_sandbox=os.getuid() != 0,  # Chromium's own sandbox refuses root
        )
        yield browser
        await browser.close()
