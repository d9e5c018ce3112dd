"""Code samples of the portal, run as they stand, as a partner of the demo would run them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from demo_process import Demo

PARTNER = "clear-mirror"  # proves itself by its certificate, and subscribes to the quotes
SCOPE = "summit-securities.quotes"
OPERATION = "/shelf/summit-securities/quotes/getQuote"
ANSWER = '"instrument_id":"609901"'
# Names under localhost lead to this machine (RFC 6761 section 6.3), though not every resolver
# knows it. A partner's resolver knows the platform's names; so does each runtime here.
_NAMES = {
    "sitecustomize.py": """\
import socket
_ask = socket.getaddrinfo
def _known(host, *rest, **named):
    own = isinstance(host, str) and host.endswith(".localhost")
    return _ask("127.0.0.1" if own else host, *rest, **named)
socket.getaddrinfo = _known
""",
    "names.cjs": """\
const dns = require("node:dns");
const ask = dns.lookup;
dns.lookup = (host, ...rest) => ask(host.endsWith(".localhost") ? "127.0.0.1" : host, ...rest);
""",
    "hosts": "127.0.0.1 api.localhost\n",
}
_FILES = {"curl": "call.sh", "python": "call.py", "java": "Call.java", "javascript": "call.mjs"}
_RUNNERS = {"curl": "sh", "python": sys.executable, "java": "java", "javascript": "node"}


def environment(demo: Demo, folder: Path) -> dict[str, str]:
    """What the samples take from the environment: the partner's files and a token of its own."""
    profile = demo.home / "profiles" / PARTNER
    files = {
        "WEIR_CA": str(profile / "ca.pem"),
        "WEIR_CERT": str(profile / "certificate.pem"),
        "WEIR_KEY": str(profile / "key.pem"),
        "WEIR_P12": str(folder / "own.p12"),
        "WEIR_P12_PASSWORD": "only for this test",
    }
    for name, text in _NAMES.items():
        (folder / name).write_text(text)
    given = demo.environment | files | _knowing(folder)
    _run(
        "openssl pkcs12 -export -in $WEIR_CERT -inkey $WEIR_KEY -out $WEIR_P12"
        " -passout env:WEIR_P12_PASSWORD",
        given,
    )
    client = json.loads((profile / "profile.json").read_text())["client_id"]
    answer = _run(
        "curl --silent --fail-with-body --cacert $WEIR_CA --cert $WEIR_CERT --key $WEIR_KEY"
        f" -d grant_type=client_credentials -d client_id={client} -d scope={SCOPE}"
        f" https://auth.localhost:{demo.port('api')}/token",
        given,
    )
    return given | {"WEIR_TOKEN": str(json.loads(answer)["access_token"])}


def _knowing(folder: Path) -> dict[str, str]:
    return {
        "PYTHONPATH": str(folder),
        "NODE_OPTIONS": f"--require={folder / 'names.cjs'}",
        "JAVA_TOOL_OPTIONS": f"-Djdk.net.hosts.file={folder / 'hosts'}",
    }


def run(language: str, text: str, folder: Path, given: dict[str, str]) -> str:
    """What a sample prints; it fails when the sample does."""
    file = folder / _FILES[language]
    file.write_text(text, "utf-8")
    return _run(f'"{_RUNNERS[language]}" "{file}"', given)


def _run(command: str, given: dict[str, str]) -> str:
    ran = subprocess.run(
        ["sh", "-euc", command], env=given, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout
