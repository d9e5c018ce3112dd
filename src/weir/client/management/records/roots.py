"""Signed roots over all seals, verified here before they are witnessed."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from weir.client.credentials import Credentials, write_private
from weir.client.errors import WeirError
from weir.client.management.records.seals import Seals
from weir.client.management.requests import Document, Requests
from weir.kernel import merkle
from weir.kernel.seals import PublicKey, Root, signature_fault

_SEEN_NAME = "root.json"  # the newest root this profile has checked


class Roots:
    """Operations on roots."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    def list(self) -> AsyncIterator[Document]:
        """List signed roots with their witnesses, largest first."""
        return self._requests.pages("/v1/records/roots")

    async def sign(self) -> Document:
        """Have the root over every seal signed; for the operator."""
        return await self._requests.post("/v1/records/roots")

    async def witness(self, credentials: Credentials) -> Document:
        """Check the newest root and sign it with this profile's own key.

        The root must be signed by the platform and begin with the one this profile saw last, which
        is kept in the profile's folder: so nothing can be rewritten between two visits. WeirError
        when it does not hold, and then nothing is signed.
        """
        newest = await anext(aiter(self.list()), None)
        if newest is None:
            raise WeirError("There is no root yet.")
        root = msgspec.convert(newest["root"], Root)
        await self._check(root, await Seals(self._requests).keys(), seen_root(credentials))
        signature = signature_under(root, credentials)
        signed = await self._requests.post(
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
            told = await self._requests.get(path, since=str(seen.size))
            proof = [bytes.fromhex(each) for each in told["path"]]
        old, new = bytes.fromhex(seen.root), bytes.fromhex(root.root)
        if not merkle.verify_consistency(seen.size, old, root.size, new, proof):
            raise WeirError(
                f"The root over {root.size} seals does not begin with the one over {seen.size}"
                " that was shown before: history was rewritten."
            )


def seen_root(credentials: Credentials) -> Root | None:
    """Return the newest root this profile has checked, or None."""
    path = credentials.folder / _SEEN_NAME
    return msgspec.json.decode(path.read_bytes(), type=Root) if path.exists() else None


def signature_under(root: Root, credentials: Credentials) -> str:
    """Sign the root's statement by ES256 (RFC 7518 section 3.4); base64url."""
    key = credentials.private_key
    r, s = decode_dss_signature(key.sign(root.statement(), ec.ECDSA(SHA256())))
    raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
