"""HTTP message signatures (RFC 9421) and content digests (RFC 9530): grammar and signature base.

Pure, for both sides: the gateway and the partner's client. The profile is narrow: one signature a
message, no component parameters but `req` and `key`, signature parameters from a closed list, each
at most once, and strings without escapes. A field in another than the canonical form is read and
written again in that form (RFC 8941 section 4.1), as RFC 9421 section 2.5 requires of the base.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256, sha512
from typing import Final

from weir.kernel.declares import SIGNATURE_CHARACTERS, SIGNATURE_INPUT_CHARACTERS

REQUEST_TAG: Final = "fapi-2-request"
RESPONSE_TAG: Final = "fapi-2-response"

# Names of RFC 9421 section 6.2.2, by JWS algorithm. PS256 is not registered there: under section
# 3.3.7 the JWK names it, and the signature then has no `alg`.
ALGORITHM_OF: Final[dict[str, str | None]] = {
    "ES256": "ecdsa-p256-sha256",
    "EdDSA": "ed25519",
    "Ed25519": "ed25519",
    "PS256": None,
}

_KEY = r"[a-z*][a-z0-9_.*-]{0,63}"
_STRING = r'"[ !#-\[\]-~]{0,256}"'
_BARE = rf"{_STRING}|[0-9]{{1,12}}"
_COMPONENT = rf'"@?[a-z0-9-]{{1,64}}"(?:;req)?(?:;key="{_KEY}")?'
_INPUT: Final = re.compile(
    rf"({_KEY})=\( *((?:{_COMPONENT}(?: +{_COMPONENT})*)?) *\)((?:; *[a-z]+=(?:{_BARE}))*)",
    re.ASCII,
)
_PARAMETER: Final = re.compile(rf"; *([a-z]+)=({_BARE})", re.ASCII)
_MEMBER: Final = re.compile(rf"({_KEY})=:([A-Za-z0-9+/]*={{0,2}}):", re.ASCII)
_NUMBERS: Final = frozenset({"created", "expires"})
_TEXTS: Final = frozenset({"nonce", "alg", "keyid", "tag"})
_DIGESTS: Final = {"sha-256": sha256, "sha-512": sha512}


class SignatureError(ValueError):
    """A signature cannot be read or does not hold. The message may be shown to the caller."""


@dataclass(frozen=True, slots=True)
class SignatureInput:
    """The Signature-Input of one signature.

    `components` are the covered components as canonical identifiers, `parameters` the signature
    parameters in their order in the field.
    """

    label: str
    components: tuple[str, ...]
    parameters: Mapping[str, str | int]

    @property
    def canonical(self) -> str:
        """The inner list with its parameters, as it stands in the signature base."""
        said = "".join(
            f";{name}={value}" if isinstance(value, int) else f';{name}="{value}"'
            for name, value in self.parameters.items()
        )
        return f"({' '.join(self.components)}){said}"

    @property
    def field(self) -> str:
        """The value of the field Signature-Input."""
        return f"{self.label}={self.canonical}"

    def text(self, name: str) -> str | None:
        value = self.parameters.get(name)
        return value if isinstance(value, str) else None

    def number(self, name: str) -> int | None:
        value = self.parameters.get(name)
        return value if isinstance(value, int) else None


def read_input(field: str) -> SignatureInput:
    """Read Signature-Input (RFC 9421 section 4.1). SignatureError unless it is one signature."""
    if len(field) > SIGNATURE_INPUT_CHARACTERS:
        raise SignatureError("Signature-Input is too long")
    found = _INPUT.fullmatch(field)
    if found is None:
        raise SignatureError("Signature-Input is not one signature of this profile")
    components = tuple(found[2].split())
    if len(set(components)) != len(components):
        raise SignatureError("a component is covered twice")
    return SignatureInput(found[1], components, _parameters(found[3]))


def _parameters(text: str) -> dict[str, str | int]:
    said: dict[str, str | int] = {}
    for name, value in _PARAMETER.findall(text):
        is_number = not value.startswith('"')
        if name in said or name not in (_NUMBERS if is_number else _TEXTS):
            raise SignatureError("a parameter is repeated, unknown or of another type")
        said[name] = int(value) if is_number else value[1:-1]
    return said


def read_signature(field: str, label: str) -> bytes:
    """Read Signature (RFC 9421 section 4.2). SignatureError unless `label` is its label."""
    found = _MEMBER.fullmatch(field)
    if len(field) > SIGNATURE_CHARACTERS or found is None or found[1] != label:
        raise SignatureError("Signature is not the one that Signature-Input names")
    return _octets(found[2])


def written_signature(label: str, signature: bytes) -> str:
    """Return the value of the field Signature."""
    return f"{label}={_byte_sequence(signature)}"


def signature_base(given: SignatureInput, values: Mapping[str, str]) -> bytes:
    """Return the signature base (RFC 9421 section 2.5).

    `values` holds the value of every covered component by its canonical identifier.
    SignatureError when a value is not one line of ASCII.
    """
    lines = [f"{each}: {values[each]}" for each in given.components]
    lines.append(f'"@signature-params": {given.canonical}')
    base = "\n".join(lines)
    if base.count("\n") != len(given.components) or not base.isascii():
        raise SignatureError("a covered value is not one line of ASCII")
    return base.encode("ascii")


def component(name: str, *, of_request: bool = False, key: str | None = None) -> str:
    """Return the canonical identifier of a component (RFC 9421 section 2)."""
    related = ";req" if of_request else ""
    return f'"{name}"{related}' + (f';key="{key}"' if key is not None else "")


def field_value(lines: Sequence[str]) -> str:
    """Return the value of a field: its lines, stripped and joined (RFC 9421 section 2.1)."""
    return ", ".join(line.strip(" \t") for line in lines)


def content_digest(body: bytes) -> str:
    """Return the value of Content-Digest for a body (RFC 9530 section 2), by SHA-256."""
    return f"sha-256={_byte_sequence(sha256(body).digest())}"


def require_digest(field: str, body: bytes) -> None:
    """Raise SignatureError unless every digest in Content-Digest is that of the body.

    Only sha-256 and sha-512 are accepted. A field that also holds another algorithm, unknown or
    broken like MD5, is refused as a whole, so that no reader can rely on an unchecked digest.
    """
    members = [each.strip(" \t") for each in field.split(",")]
    found = [_MEMBER.fullmatch(each) for each in members]
    named = [each[1] for each in found if each is not None]
    if len(field) > SIGNATURE_CHARACTERS or len(named) != len(members):
        raise SignatureError("Content-Digest is malformed")
    if len(set(named)) != len(named) or not set(named) <= _DIGESTS.keys():
        raise SignatureError("Content-Digest is by sha-256 or sha-512, each once")
    for each in found:
        assert each is not None, "counted above"
        if not hmac.compare_digest(_octets(each[2]), _DIGESTS[each[1]](body).digest()):
            raise SignatureError("Content-Digest is not the body's")


def _octets(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise SignatureError("not base64") from error


def _byte_sequence(raw: bytes) -> str:
    return f":{base64.b64encode(raw).decode('ascii')}:"
