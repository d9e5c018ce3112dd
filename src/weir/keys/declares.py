"""Declarations of keys; `kernel/rooms.py` composes the lists of all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mypy_extensions import mypyc_attr

from weir.access.roles import ALL, OPERATOR, OWNERS, READERS, Rule
from weir.kernel.declarations import BOOKS_PANEL, Command, Lock, Periodic, setting
from weir.kernel.outcomes import Outcome

# --- Refusals ---
CERTIFICATE_REQUEST_INVALID: Final = Outcome(
    "certificate_request_invalid",
    422,
    "The certificate request is not valid, or its key is too weak.",
    "证书请求无效，或密钥强度不足。",
)

# --- Limits ---
# Authorization (FAPI 2.0 Security Profile section 5.3)
JTI_CHARACTERS: Final = 256
DPOP_PROOF_CHARACTERS: Final = 4_096
DPOP_PROOF_AGE_S: Final = 60  # RFC 9449 section 11.1
KNOWN_HEADERS: Final = 4_096  # JWT headers and public keys one process remembers
KNOWN_HEADER_CHARACTERS: Final = 1_024  # a longer one is read each time
CLIENT_KEYS: Final = 20  # keys of one client tried against one assertion

# Keys and algorithms of our own (keys/signing_keys.py)
CHANGE_ANNOUNCED_S: Final = 600  # twice as long as a JWKS or the metadata may be cached
KEY_ANNOUNCED_DAYS: Final = 7  # by which the next key is announced before it signs
SIGNED_LIFETIME_S: Final = 300  # the longest life of anything that is signed with these keys

# What people write about themselves and their products
RSA_BITS_MIN: Final = 2_048
RSA_BITS_MAX: Final = 8_192

# Certificates
CLIENT_CERTIFICATE_DAYS: Final = 365
AUTHORITY_CERTIFICATE_DAYS: Final = 3_650

# Starting and stopping roles
KNOWN_ADDRESSES: Final = 256  # of DPoP proofs, kept in their one spelling


# --- Settings ---
@mypyc_attr(native_class=False)  # the whole of the settings inherits it
@dataclass(frozen=True)
class Settings:
    """Keys at rest, and how long a signing key signs."""

    master_key: str | None = setting(
        None,
        "32 bytes in base64url that encrypt keys at rest. Default: HOME/secrets/master.key.",
        secret=True,
    )
    signing_key_days: int = setting(
        90, "Days a signing key signs before the next takes over; 0 leaves it to you.", high=3_650
    )


# --- Advisory locks ---
SIGNING_KEYS_LOCK: Final = Lock(5, "Moving signing keys along their lives.")
AUTHORITY_LOCK: Final = Lock(6, "Founding the certificate authority, or loading it.")
RECORD_KEYS_LOCK: Final = Lock(7, "Making the first key of seals and roots.")

# --- Periodic work of the worker ---
PERIODIC: Final = {
    "keys_in_time": Periodic(2.0, "Announce, activate and retire signing keys."),
}

# --- Audit events: (English, Chinese) ---
EVENTS: Final = {
    "key.created": ("A signing key was made.", "生成签名密钥。"),
    "key.activated": ("The signing key signs from now on.", "签名密钥开始使用。"),
    "key.superseded": ("The signing key has signed for the last time.", "签名密钥不再用于签名。"),
    "key.retired": ("The signing key was retired.", "签名密钥退役。"),
    "key.revoked": ("The signing key was revoked.", "签名密钥被紧急吊销。"),
    "algorithm.ending_announced": (
        "It was announced that the algorithm will be taken no more.",
        "预告将停止接受该算法。",
    ),
    "algorithm.ending_taken_back": ("The announcement was taken back.", "撤回停止该算法的预告。"),
}

# --- Prefixes of identifiers ---
PREFIXES: Final = {
    "key": "signing key",
}

# --- Permissions of operations ---
PERMISSIONS: Final = {
    "list_signing_keys": Rule(every=ALL, people=READERS),
    "announce_signing_key": Rule(every=OPERATOR, people=OWNERS, fresh=True, programs="no"),
    "revoke_signing_key": Rule(every=OPERATOR, people=OWNERS, fresh=True, programs="no"),
    "list_algorithm_endings": Rule(every=ALL, people=READERS),
    "announce_algorithm_ending": Rule(every=OPERATOR, people=OWNERS, fresh=True, programs="no"),
    "take_back_algorithm_ending": Rule(every=OPERATOR, people=OWNERS, fresh=True, programs="no"),
}

# --- Routers of the management API ---
ROUTERS: Final = (
    "keys.signing_keys",
    "keys.algorithms",
)

# --- Commands ---
COMMANDS: Final = {
    "key": Command("keys.signing_keys:app", "Signing keys and algorithms.", True, BOOKS_PANEL),
}

# --- Compiled modules (docs/decisions/0008) ---
COMPILED: Final = (
    "declares",
    "dpop",
    "jose",
)
