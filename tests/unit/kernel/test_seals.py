"""Seals and receipts against the vectors of docs/receipts.md; nothing changed goes unnoticed."""

from __future__ import annotations

import json
import re
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest

from seals import KEY, KEYS, OTHER_KEY
from weir.kernel import merkle
from weir.kernel.seals import (
    Receipt,
    ReceiptName,
    Seal,
    authenticator,
    b64url,
    receipt_fault,
    signature_fault,
)

DOCS = Path(__file__).parents[3] / "docs" / "receipts.md"


@pytest.fixture(scope="module")
def vectors() -> dict[str, Any]:
    (block,) = re.findall(r"```json\n(.*?)```", DOCS.read_text(), re.DOTALL)
    found: dict[str, Any] = json.loads(block)
    return found


@pytest.fixture
def receipt(vectors: dict[str, Any]) -> Receipt:
    return msgspec.convert(vectors["receipt"], Receipt)


def test_the_vectors_are_made_by_the_key_they_state(
    vectors: dict[str, Any], receipt: Receipt
) -> None:
    assert bytes.fromhex(vectors["private_key"]) == bytes(range(32))
    assert vectors["public_key"]["x"] == KEY.public().x
    assert KEY.sign_seal(receipt.seal) == receipt.seal
    assert receipt.inclusion is not None
    assert KEY.sign_root(receipt.inclusion.root) == receipt.inclusion.root


def test_lines_hashes_and_statements_are_those_of_the_vectors(
    vectors: dict[str, Any], receipt: Receipt
) -> None:
    hashes = [merkle.leaf_hash(line.encode()) for line in vectors["lines"]]
    assert [each.hex() for each in hashes] == vectors["leaf_hashes"]
    assert merkle.Tree(hashes).root.hex() == receipt.seal.root
    end = msgspec.convert(vectors["end"], Seal)
    assert [receipt.seal.statement().decode(), end.statement().decode()] == vectors["statements"]
    assert end.previous == sha256(vectors["statements"][0].encode()).hexdigest()
    assert signature_fault(end, KEYS) is None
    assert receipt.inclusion is not None
    assert receipt.inclusion.root.statement().decode() == vectors["root_statement"]


def test_the_name_of_the_vectors_is_authentic(vectors: dict[str, Any], receipt: Receipt) -> None:
    name = ReceiptName.parse(receipt.receipt)
    assert str(name) == receipt.receipt
    assert f"weir-receipt: {name}" in DOCS.read_text()
    line = json.loads(receipt.line)
    key = bytes.fromhex(vectors["receipt_key"])
    assert receipt.seal.receipts == sha256(key).hexdigest()
    said = (name.stream, name.call, name.at_us, vectors["application"])
    assert name.authenticator == authenticator(key, *said, line["interaction_id"], line["status"])


def test_the_receipt_of_the_vectors_holds(receipt: Receipt) -> None:
    assert receipt_fault(receipt, KEYS) is None
    early = msgspec.structs.replace(receipt, inclusion=None)
    assert receipt_fault(early, KEYS) is None


CHANGES: list[tuple[str, Any]] = [
    ("line", lambda v: v.replace('"status":201', '"status":500')),
    ("index", lambda v: 1),
    ("path", lambda v: v[:-1]),
    ("path", lambda v: [*v, "00" * 32]),
    ("path", lambda v: ["zz" * 32]),
    ("receipt", lambda v: v.replace(".2.", ".1.")),
    ("receipt", lambda v: "nothing"),
    ("seal.root", lambda v: "00" * 32),
    ("seal.records", lambda v: 4),
    ("seal.sealed_at_us", lambda v: v - 1),
    ("seal.signature", lambda v: b64url(bytes(64))),
    ("seal.signature", lambda v: "not base64url!"),
    ("seal.key", lambda v: OTHER_KEY.kid),
    ("inclusion.index", lambda v: 1),
    ("inclusion.path", lambda v: []),
    ("inclusion.root.size", lambda v: 3),
    ("inclusion.root.root", lambda v: "00" * 32),
    ("inclusion.root.day", lambda v: "2026-11-04"),
]


@pytest.mark.parametrize(("place", "change"), CHANGES)
def test_whatever_is_changed_in_a_receipt_is_found(
    vectors: dict[str, Any], place: str, change: Any
) -> None:
    forged = json.loads(json.dumps(vectors["receipt"]))
    *steps, last = place.split(".")
    holder = forged
    for step in steps:
        holder = holder[step]
    holder[last] = change(holder[last])
    assert receipt_fault(msgspec.convert(forged, Receipt), KEYS) is not None


def test_a_key_that_was_not_in_use_seals_nothing(receipt: Receipt) -> None:
    late = KEY.public(receipt.seal.sealed_at_us + 1)
    assert receipt_fault(receipt, {KEY.kid: late}) is not None
    ended = msgspec.structs.replace(KEY.public(), not_after_us=receipt.seal.sealed_at_us - 1)
    assert receipt_fault(receipt, {KEY.kid: ended}) is not None


@pytest.mark.parametrize(
    "text",
    ["", "str_01k9v7p8r3e5xa2m4n6q8s0t1v.0.1." + "0" * 32, "a.b.c.d", "x" * 10_000],
)
def test_what_is_no_name_of_a_receipt_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not the name"):
        ReceiptName.parse(text)
