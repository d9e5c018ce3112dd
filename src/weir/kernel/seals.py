"""Signed statements about call records: the seal of a segment, and the root over all seals.

Both are signed as short texts, a name and a value a line, so that any language can build and check
them. docs/receipts.md gives the exact format; this module makes its test vectors.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from hashlib import blake2b, sha256
from typing import Any, Final, Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from weir.kernel import merkle

NO_PREVIOUS: Final = "0" * 64  # `previous` of a stream's first seal
AUTHENTICATOR_BYTES: Final = 16

# `open`: more segments follow. The others end a stream. `ended`: the process stopped in order.
# `killed`: the process was killed, which loses nothing. `lost`: the machine stopped, which loses
# the records that were not yet on the disk.
State = Literal["open", "ended", "killed", "lost"]

_HEX: Final = re.compile(r"[0-9a-f]{64}")
_NAME: Final = re.compile(
    r"(str_[0-9a-hjkmnp-tv-z]{26})\.([1-9][0-9]{0,14})\.([1-9][0-9]{0,17})\.([0-9a-f]{32})"
)


class Seal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The signed statement about one segment of a stream.

    `first` is the number of the segment's first record and `records` how many it has. `root` is the
    Merkle root over its lines, and `previous` the digest of the seal before it, both in
    hexadecimal. `sealed_at_us` is in Unix microseconds. `torn_bytes` counts the bytes of an
    incomplete line cut off the end. In state `lost`, records of answers given from `gap_from_us`
    until `gap_until_us` (Unix microseconds) may be missing. `receipts` is the SHA-256 of the
    stream's receipt key.
    """

    stream: str
    segment: int
    first: int
    records: int
    root: str
    previous: str
    sealed_at_us: int
    state: State = "open"
    torn_bytes: int = 0
    gap_from_us: int | None = None
    gap_until_us: int | None = None
    receipts: str
    key: str
    signature: str = ""

    @property
    def last(self) -> int:
        """The number of the segment's last record; before `first` when it has none."""
        return self.first + self.records - 1

    @property
    def sha256(self) -> str:
        """The digest of the statement, which the next seal repeats as `previous`."""
        return sha256(self.statement()).hexdigest()

    def statement(self) -> bytes:
        """Return the bytes that are signed; they are also the leaf in the tree of all seals."""
        gap = "-" if self.gap_from_us is None else f"{self.gap_from_us} {self.gap_until_us}"
        return (
            f"weir segment 1\nstream {self.stream}\nsegment {self.segment}\nfirst {self.first}\n"
            f"records {self.records}\nroot {self.root}\nprevious {self.previous}\n"
            f"sealed {self.sealed_at_us}\nstate {self.state}\ntorn {self.torn_bytes}\ngap {gap}\n"
            f"receipts {self.receipts}\nkey {self.key}\n"
        ).encode()


class Root(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The signed root over the first `size` seals of the alliance.

    `day` is the UTC day that this root closes, or None.
    """

    size: int
    root: str
    at_us: int
    day: str | None = None
    key: str
    signature: str = ""

    def statement(self) -> bytes:
        """Return the bytes that the platform and the witnesses sign."""
        return (
            f"weir root 1\nsize {self.size}\nroot {self.root}\nat {self.at_us}\n"
            f"day {self.day or '-'}\nkey {self.key}\n"
        ).encode()


Signed = Seal | Root


class PublicKey(msgspec.Struct, frozen=True, kw_only=True):
    """A public key for seals, as a JWK (RFC 8037).

    It may seal from `not_before_us` to `not_after_us`, Unix microseconds.
    """

    kid: str
    x: str
    kty: Literal["OKP"] = "OKP"
    crv: Literal["Ed25519"] = "Ed25519"
    not_before_us: int = 0
    not_after_us: int | None = None


class SealingKey:
    """A private key that signs seals and roots. `kid` is its name."""

    def __init__(self, kid: str, private: Ed25519PrivateKey) -> None:
        self.kid = kid
        self._private = private

    def sign_seal(self, seal: Seal) -> Seal:
        """Return a copy of the seal with this key's name and signature."""
        named = msgspec.structs.replace(seal, key=self.kid)
        return msgspec.structs.replace(named, signature=self.sign_text(named.statement()))

    def sign_root(self, root: Root) -> Root:
        """Return a copy of the root with this key's name and signature."""
        named = msgspec.structs.replace(root, key=self.kid)
        return msgspec.structs.replace(named, signature=self.sign_text(named.statement()))

    def sign_text(self, text: bytes) -> str:
        """Return the signature over a text, in base64url. The text names this key itself."""
        return b64url(self._private.sign(text))

    def public(self, not_before_us: int = 0) -> PublicKey:
        """Return the public key, valid from `not_before_us` (Unix microseconds)."""
        raw = self._private.public_key().public_bytes_raw()
        return PublicKey(kid=self.kid, x=b64url(raw), not_before_us=not_before_us)


def signature_fault(signed: Signed, keys: Mapping[str, PublicKey]) -> str | None:
    """Return the reason that the signature does not hold, or None when it holds.

    The contents of the statement are not judged: a valid signature shows only that the key named
    in the statement signed it, while that key was in use.
    """
    at_us = signed.sealed_at_us if isinstance(signed, Seal) else signed.at_us
    return text_fault(signed.statement(), signed.key, at_us, signed.signature, keys)


def text_fault(
    text: bytes, kid: str, at_us: int, signature: str, keys: Mapping[str, PublicKey]
) -> str | None:
    """Return the reason that the signature of key `kid` over a text does not hold, or None.

    `at_us` is the time that the text states, Unix microseconds; the key must be in use then.
    """
    key = keys.get(kid)
    if key is None:
        return "it is signed by a key that is not one of the platform's"
    if at_us < key.not_before_us or (key.not_after_us is not None and at_us > key.not_after_us):
        return "its key was not in use at the time it states"
    try:
        public = Ed25519PublicKey.from_public_bytes(from_b64url(key.x))
        public.verify(from_b64url(signature), text)
    except (InvalidSignature, ValueError):
        return "its signature is not that of the key it names"
    return None


class ReceiptName(msgspec.Struct, frozen=True):
    """The value of an answer's `weir-receipt` field.

    `call` numbers the application's calls in the stream from 1 without a gap; `at_us` is when the
    call arrived, Unix microseconds; `authenticator` is 32 hexadecimal digits.
    """

    stream: str
    call: int
    at_us: int
    authenticator: str

    @classmethod
    def parse(cls, text: str) -> ReceiptName:
        """Read the value of `weir-receipt` strictly. ValueError when it is not one."""
        found = _NAME.fullmatch(text)
        if found is None:
            raise ValueError("not the name of a receipt")
        return cls(found[1], int(found[2]), int(found[3]), found[4])

    def __str__(self) -> str:
        return f"{self.stream}.{self.call}.{self.at_us}.{self.authenticator}"


def authenticator(
    key: bytes, stream: str, call: int, at_us: int, application: str, interaction: str, status: int
) -> str:
    """Return the authenticator of a receipt: keyed BLAKE2b (RFC 7693), 16 bytes in hexadecimal.

    It covers the stream, call, time, application, interaction identifier and status of the answer.
    """
    text = f"{stream}.{call}.{at_us} {application} {interaction} {status}".encode()
    return blake2b(text, key=key, digest_size=AUTHENTICATOR_BYTES).hexdigest()


class Inclusion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The proof that a seal is leaf `index` under a root. `path` is hashes in hexadecimal."""

    index: int
    path: list[str]
    root: Root


class Receipt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The proof of one call.

    `receipt` is the value of `weir-receipt`, `line` the call record. `index` and `path` prove that
    the line is in the segment under `seal`, and `inclusion` that the seal is under a root; it is
    None until there is such a root.
    """

    receipt: str
    line: str
    index: int
    path: list[str]
    seal: Seal
    inclusion: Inclusion | None = None


def receipt_fault(receipt: Receipt, keys: Mapping[str, PublicKey]) -> str | None:
    """Return the reason that a receipt proves nothing, or None when it holds.

    Whether the line tells the truth about the call can only be judged by a party to the call.
    """
    seal = receipt.seal
    if fault := signature_fault(seal, keys):
        return f"the seal: {fault}"
    leaf = merkle.leaf_hash(receipt.line.encode())
    if not _included(leaf, receipt.index, seal.records, receipt.path, seal.root):
        return "the line is not in the sealed segment"
    if fault := _name_fault(receipt):
        return fault
    inclusion = receipt.inclusion
    if inclusion is None:
        return None
    if fault := signature_fault(inclusion.root, keys):
        return f"the root: {fault}"
    leaf = merkle.leaf_hash(seal.statement())
    root = inclusion.root
    if not _included(leaf, inclusion.index, root.size, inclusion.path, root.root):
        return "the seal is not under the root"
    return None


def _name_fault(receipt: Receipt) -> str | None:
    try:
        name = ReceiptName.parse(receipt.receipt)
        line: dict[str, Any] = msgspec.json.decode(receipt.line, type=dict[str, Any])
    except (ValueError, msgspec.MsgspecError):
        return "its name or its line cannot be read"
    said = (receipt.seal.stream, line.get("number"), line.get("call"), line.get("at_us"))
    if said != (name.stream, receipt.seal.first + receipt.index, name.call, name.at_us):
        return "the line is that of another call"
    return None


def _included(leaf: bytes, index: int, size: int, path: list[str], root: str) -> bool:
    if not (_HEX.fullmatch(root) and all(_HEX.fullmatch(each) for each in path)):
        return False
    proof = [bytes.fromhex(each) for each in path]
    return merkle.verify_inclusion(leaf, index, size, proof, bytes.fromhex(root))


def b64url(raw: bytes) -> str:
    """Encode bytes in base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def from_b64url(text: str) -> bytes:
    """Decode base64url without padding. ValueError when the text is not base64url."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
