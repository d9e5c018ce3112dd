"""Samples of one call in four languages, each whole and ready to be run.

The caller's own values come from the environment: WEIR_TOKEN, and the files that WEIR_CERT,
WEIR_KEY and WEIR_CA name (for Java one PKCS #12 file, WEIR_P12). tests/browser copies the samples
from their page and runs them against a running platform.
"""

from __future__ import annotations

import json
import pprint
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

LANGUAGES: Final[dict[str, str]] = {
    "curl": "curl",
    "python": "Python",
    "java": "Java",
    "javascript": "JavaScript",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call to write down. `body` is a JSON value, or None without one."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None

    @property
    def sent(self) -> dict[str, str]:
        """The headers, without the token's."""
        typed = {} if self.body is None else {"content-type": "application/json"}
        return {**self.headers, **typed}

    @property
    def text(self) -> str:
        """The body as it is sent."""
        return json.dumps(self.body, ensure_ascii=False)


def sample(language: str, call: Call) -> str:
    """Return the call in one of LANGUAGES."""
    return {"curl": _curl, "python": _python, "java": _java, "javascript": _javascript}[language](
        call
    )


def _curl(call: Call) -> str:
    return curl(call.method, call.url, call.sent, "" if call.body is None else call.text)


def curl(method: str, url: str, headers: Mapping[str, str], body: str) -> str:
    """Return a call with exactly these headers and this body, in curl; an empty body is none."""
    lines = [
        'curl --fail-with-body --cacert "$WEIR_CA" --cert "$WEIR_CERT" --key "$WEIR_KEY"',
        *([f"--request {method}"] if method != "GET" else []),
        '--header "authorization: Bearer $WEIR_TOKEN"',
        *(f"--header {shell(f'{name}: {value}')}" for name, value in headers.items()),
        *([f"--data-raw {shell(body)}"] if body else []),
        shell(url),
    ]
    return " \\\n  ".join(lines) + "\n"


def _python(call: Call) -> str:
    headers = {"authorization": None, **call.sent}
    written = "".join(
        f'        "{name}": {_token_python() if value is None else json.dumps(value)},\n'
        for name, value in headers.items()
    )
    body = "" if call.body is None else f"    json={_literal(call.body)},\n"
    return (
        "import os\nimport ssl\n\nimport httpx\n\n"
        'tls = ssl.create_default_context(cafile=os.environ["WEIR_CA"])\n'
        'tls.load_cert_chain(os.environ["WEIR_CERT"], os.environ["WEIR_KEY"])\n\n'
        "answer = httpx.request(\n"
        f'    "{call.method}",\n    {json.dumps(call.url)},\n'
        f"    headers={{\n{written}    }},\n{body}    verify=tls,\n)\n"
        "answer.raise_for_status()\nprint(answer.text)\n"
    )


def _token_python() -> str:
    return "f\"Bearer {os.environ['WEIR_TOKEN']}\""


def _literal(value: Any) -> str:
    """Return a JSON value in Python, indented as it stands in the call."""
    text = pprint.pformat(value, width=80, sort_dicts=False)
    return text.replace("\n", "\n         ")


def _java(call: Call) -> str:
    headers = "".join(
        f"            .header({json.dumps(name)}, {json.dumps(value)})\n"
        for name, value in call.sent.items()
    )
    publisher = (
        "HttpRequest.BodyPublishers.noBody()"
        if call.body is None
        else f"HttpRequest.BodyPublishers.ofString({json.dumps(call.text, ensure_ascii=False)})"
    )
    return _JAVA.replace("@URL", json.dumps(call.url)).replace("@METHOD", call.method).replace(
        "@HEADERS", headers
    ).replace("@BODY", publisher)  # fmt: skip


def _javascript(call: Call) -> str:
    headers = "".join(
        f"    {json.dumps(name)}: {json.dumps(value)},\n" for name, value in call.sent.items()
    )
    end = "" if call.body is None else f"JSON.stringify({json_text(call.body)})"
    return (
        'import { readFileSync } from "node:fs";\nimport { request } from "node:https";\n\n'
        f"const call = request({json.dumps(call.url)}, {{\n"
        f'  method: "{call.method}",\n'
        "  ca: readFileSync(process.env.WEIR_CA),\n"
        "  cert: readFileSync(process.env.WEIR_CERT),\n"
        "  key: readFileSync(process.env.WEIR_KEY),\n"
        "  headers: {\n    authorization: `Bearer ${process.env.WEIR_TOKEN}`,\n"
        f"{headers}  }},\n}});\n"
        'call.on("response", (answer) => {\n'
        "  process.exitCode = answer.statusCode < 400 ? 0 : 1;\n"
        "  answer.pipe(process.stdout);\n});\n"
        f"call.end({end});\n"
    )


def json_text(value: Any) -> str:
    """Return a value as indented JSON."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def shell(text: str) -> str:
    """Quote any text as one word of a shell."""
    if "'" not in text:
        return f"'{text}'"
    return "'" + text.replace("'", "'\\''") + "'"


_JAVA: Final = """\
import java.io.FileInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

public class Call {
    public static void main(String[] arguments) throws Exception {
        char[] password = System.getenv("WEIR_P12_PASSWORD").toCharArray();
        KeyStore own = KeyStore.getInstance("PKCS12");
        own.load(new FileInputStream(System.getenv("WEIR_P12")), password);
        KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
        keys.init(own, password);

        KeyStore believed = KeyStore.getInstance("PKCS12");
        believed.load(null, null);
        believed.setCertificateEntry("alliance", CertificateFactory.getInstance("X.509")
            .generateCertificate(new FileInputStream(System.getenv("WEIR_CA"))));
        TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
        trust.init(believed);

        SSLContext tls = SSLContext.getInstance("TLS");
        tls.init(keys.getKeyManagers(), trust.getTrustManagers(), null);

        HttpRequest request = HttpRequest.newBuilder(URI.create(@URL))
            .header("authorization", "Bearer " + System.getenv("WEIR_TOKEN"))
@HEADERS            .method("@METHOD", @BODY)
            .build();
        HttpResponse<String> answer = HttpClient.newBuilder().sslContext(tls).build()
            .send(request, HttpResponse.BodyHandlers.ofString());
        System.out.println(answer.body());
        System.exit(answer.statusCode() < 400 ? 0 : 1);
    }
}
"""
