"""Receipts and roots: fetched, and checked here, so that nobody need be believed."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from weir.client.credentials import Credentials, write_private
from weir.client.errors import WeirError
from weir.client.management_requests import Asker, Document, place
from weir.kernel import merkle
from weir.kernel.seals import PublicKey, Receipt, Root, receipt_fault, signature_fault

_SEEN_NAME = "root.json"  # the newest root this profile has checked


class Records:
    """Operations on receipts, seals and roots."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker

    async def keys(self) -> dict[str, PublicKey]:
        """The keys that seal records, by name."""
        found = [each async for each in self._asker.pages("/v1/records/keys")]
        return {each["kid"]: msgspec.convert(each, PublicKey) for each in found}

    async def receipt(self, name: str) -> Receipt:
        """The receipt of an answer's `weir-receipt`, checked. WeirError when it proves nothing."""
        document = await self._asker.whole(f"/v1/receipts/{place(name)}")
        receipt = msgspec.convert(document, Receipt)
        fault = receipt_fault(receipt, await self.keys())
        if fault is not None or receipt.receipt != name:
            raise WeirError(f"The receipt {name} does not hold: {fault or 'it is another one'}.")
        return receipt

    def files(self, since: str | None = None, until: str | None = None) -> AsyncIterator[str]:
        """The files of the lake that are to be read, for the operator; days of UTC, included."""
        return self._asker.pages("/v1/records/files", since=since, until=until)

    def audit_entries(self, **wanted: str | None) -> AsyncIterator[Document]:
        """The audit trail, newest first: by organisation, event, touching, since and until."""
        return self._asker.pages("/v1/audit/entries", **wanted)

    def seals(self) -> AsyncIterator[Document]:
        """Every seal, in the order of the tree."""
        return self._asker.pages("/v1/records/seals")

    async def segment(self, stream: str, segment: int) -> bytes:
        """The lines of one segment, for the operator and auditors."""
        path = f"/v1/records/segments/{place(stream)}/{segment}"
        return (await self._asker.fetch(path)).content

    def pruned(self, stream: str, segment: int) -> AsyncIterator[list[Any]]:
        """What stands in a segment for records that expired: level, position, hash."""
        return self._asker.pages(f"/v1/records/segments/{place(stream)}/{segment}/pruned")

    def expiries(self) -> AsyncIterator[Document]:
        """Signed statements of what expired, oldest first."""
        return self._asker.pages("/v1/records/expiries")

    def roots(self) -> AsyncIterator[Document]:
        """Signed roots with their witnesses, largest first."""
        return self._asker.pages("/v1/records/roots")

    async def sign_root(self) -> Document:
        """Have the root over every seal signed; the operator's to ask."""
        return await self._asker.post("/v1/records/roots")

    async def witness(self, credentials: Credentials) -> Document:
        """Check the newest root and sign it with this profile's own key.

        The root must be signed by the platform and begin with the one this profile saw last, which
        is kept in the profile's folder: so nothing can be rewritten between two visits. WeirError
        when it does not hold, and then nothing is signed.
        """
        newest = await anext(aiter(self.roots()), None)
        if newest is None:
            raise WeirError("There is no root yet.")
        root = msgspec.convert(newest["root"], Root)
        await self._check(root, await self.keys(), seen_root(credentials))
        signature = signature_under(root, credentials)
        signed = await self._asker.post(
            f"/v1/records/roots/{root.size}/witness", {"signature": signature}
        )
        write_private(credentials.folder / _SEEN_NAME, msgspec.json.encode(root))
        return signed

    async def _check(self, root: Root, keys: Mapping[str, PublicKey], seen: Root | None) -> None:
        if fault := signature_fault(root, keys):
            raise WeirError(f"The root over {root.size} seals does not hold: {fault}.")
        if seen is None:
            return
        if seen.size > root.size:
            raise WeirError(f"A root over {seen.size} seals was shown before, and is gone.")
        proof: list[bytes] = []
        if seen.size < root.size:
            path = f"/v1/records/roots/{root.size}/consistency"
            told = await self._asker.get(path, since=str(seen.size))
            proof = [bytes.fromhex(each) for each in told["path"]]
        old, new = bytes.fromhex(seen.root), bytes.fromhex(root.root)
        if not merkle.verify_consistency(seen.size, old, root.size, new, proof):
            raise WeirError(
                f"The root over {root.size} seals does not begin with the one over {seen.size}"
                " that was shown before: history was rewritten."
            )


def seen_root(credentials: Credentials) -> Root | None:
    """The newest root this profile has checked."""
    path = credentials.folder / _SEEN_NAME
    return msgspec.json.decode(path.read_bytes(), type=Root) if path.exists() else None


def signature_under(root: Root, credentials: Credentials) -> str:
    """ES256 (RFC 7518 section 3.4) under the root's statement, base64url."""
    key = credentials.private_key
    r, s = decode_dss_signature(key.sign(root.statement(), ec.ECDSA(SHA256())))
    raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
