"""Access tokens known by their bytes, and the rights that follow from one under one snapshot.

A token is verified once (`verifier.py`); everything a call needs of it is computed then, and per
call only a dictionary is asked.
"""

from __future__ import annotations

from typing import Final, Protocol, final

from immutables import Map

from weir.consent.recurring_payments import Mandate
from weir.gateway.config.snapshot import Application, Operation, SigningKey, Snapshot
from weir.gateway.declares import KNOWN_TOKENS
from weir.kernel.declares import TOKEN_EXPIRED
from weir.kernel.money import Money
from weir.kernel.outcomes import Refusal
from weir.keys.message_key import MessageKey
from weir.shelf.published import SubscriptionDocument

RIGHTS_KEPT: Final = 64  # operations remembered with one token


@final
class Grant:
    """One granted entry of `authorization_details`, in the form it is checked in."""

    __slots__ = (
        "accounts",
        "amount",
        "expires_at_s",
        "mandate",
        "member",
        "payee_account",
        "permissions",
        "type",
    )

    def __init__(
        self,
        *,
        type: str,  # noqa: A002 - RFC 9396 section 2 calls it so
        member: str,
        expires_at_s: float,
        permissions: frozenset[str] = frozenset(),
        accounts: tuple[str, ...] = (),
        amount: Money | None = None,
        payee_account: str | None = None,
        mandate: Mandate | None = None,
    ) -> None:
        self.type = type
        self.member = member
        self.expires_at_s = expires_at_s
        self.permissions = permissions
        self.accounts = accounts
        self.amount = amount
        self.payee_account = payee_account
        self.mandate = mandate

    def allows(self, amount: Money, payee: str) -> bool:
        """Whether this very payment was consented to, as far as the payment alone can tell."""
        if self.mandate is not None:
            return self.mandate.allows(amount, payee)
        return (self.amount, self.payee_account) == (amount, payee)

    def has_begun(self, at_s: float) -> bool:
        """Whether payments may be made under it already, at `at_s` (Unix time)."""
        return self.mandate is None or self.mandate.since.timestamp() <= at_s


@final
class KnownToken:
    """The facts that every call with this token needs. The `*_key`s are keys of revocations.

    The token is bound to the certificate `thumbprint`, or, where that is empty, to `proof_key`;
    `constraint_key` is the revocation of that certificate or key.
    """

    __slots__ = (
        "client_id",
        "consent_id",
        "consent_key",
        "constraint_key",
        "expires_at_s",
        "grants",
        "organisation",
        "proof_key",
        "record_name",
        "scopes",
        "thumbprint",
        "token_key",
    )

    def __init__(
        self,
        *,
        client_id: str,
        organisation: str,
        thumbprint: str,
        proof_key: str | None,
        expires_at_s: float,
        scopes: frozenset[str],
        consent_id: str | None,
        record_name: str | None,
        consent_key: str,
        token_key: str,
        constraint_key: str,
        grants: tuple[Grant, ...],
    ) -> None:
        self.client_id = client_id
        self.organisation = organisation
        self.thumbprint = thumbprint
        self.proof_key = proof_key  # RFC 9449 section 6.1
        self.expires_at_s = expires_at_s
        self.scopes = scopes
        self.consent_id = consent_id
        self.record_name = record_name  # the consent's name in records
        self.consent_key = consent_key
        self.token_key = token_key
        self.constraint_key = constraint_key
        self.grants = grants


@final
class KnownIdentity:
    """A signed identity as members get it, the key that signed it, and when to sign the next."""

    __slots__ = ("key", "next_s", "value")

    def __init__(self, value: bytes, key: MessageKey, next_s: float) -> None:
        self.value = value
        self.key = key
        self.next_s = next_s


@final
class TokenRights:
    """A known token, and the rights that follow from it under one snapshot.

    Only facts that a token and a snapshot decide between them are kept, and only when they passed;
    facts that hang on the call itself (its certificate, the time, bound values) are checked every
    time.
    """

    __slots__ = ("application", "identities", "rights", "sequence", "token")

    def __init__(self, token: KnownToken) -> None:
        self.token = token
        self.identities: dict[str, KnownIdentity] = {}  # by the member they are for
        self.sequence = -1  # of the snapshot, which is not kept for as long as the token
        self.application: Application | None = None
        self.rights: dict[Operation, Right] = {}

    def mark_good(self, snapshot: Snapshot, application: Application) -> None:
        """Remember that the token and its application were found good under `snapshot`."""
        self.sequence = snapshot.sequence
        self.application = application
        self.rights = {}

    def remember(self, operation: Operation, right: Right) -> None:
        """Remember the right to call an operation, under the snapshot last found good."""
        if len(self.rights) >= RIGHTS_KEPT:
            self.rights = {}
        self.rights[operation] = right


@final
class Right:
    """A token's right to an operation: the subscription, and grants of the operation's kind.

    `audience` is the member's slug; with `signs_each_call` the member gets an identity that is
    signed for the one call. `terms` are its bytes in a call record, once a record was made of it.
    """

    __slots__ = ("audience", "grants", "signs_each_call", "subscription", "terms")

    def __init__(
        self,
        subscription: SubscriptionDocument,
        grants: tuple[Grant, ...],
        audience: str,
        *,
        signs_each_call: bool,
    ) -> None:
        self.subscription = subscription
        self.grants = grants
        self.audience = audience
        self.signs_each_call = signs_each_call
        self.terms = b""


class Verifier(Protocol):
    """A reader and verifier of tokens; see `tokens/verifier.py`."""

    def verify(self, raw: bytes, keys: Map[str, SigningKey], now_s: float) -> KnownToken: ...


@final
class TokenMemory:
    """Tokens known by their bytes, in two generations: one unused for a generation is forgotten.

    A change of the signing keys forgets all of them, so that a withdrawn key voids its tokens.
    """

    def __init__(self, verifier: Verifier, capacity: int = KNOWN_TOKENS) -> None:
        self._verifier = verifier
        self._generation = max(1, capacity // 2)
        self._keys: Map[str, SigningKey] = Map()
        self._young: dict[bytes, TokenRights] = {}
        self._old: dict[bytes, TokenRights] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def find_or_verify(self, raw: bytes, keys: Map[str, SigningKey], now_s: float) -> TokenRights:
        """Return the token and its rights, verified now or before.

        Refusals TOKEN_INVALID and TOKEN_EXPIRED.
        """
        if keys is not self._keys:
            self._young, self._old, self._keys = {}, {}, keys
        known = self._young.get(raw)
        if known is None:
            known = self._recall(raw, now_s)
        if known.token.expires_at_s <= now_s:
            del self._young[raw]
            raise Refusal(TOKEN_EXPIRED)
        return known

    def _recall(self, raw: bytes, now_s: float) -> TokenRights:
        known = self._old.pop(raw, None)
        if known is None:
            known = TokenRights(self._verifier.verify(raw, self._keys, now_s))
        if len(self._young) >= self._generation:
            self._old, self._young = self._young, {}
        self._young[raw] = known
        return known
