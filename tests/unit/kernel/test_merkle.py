"""Roots and proofs against RFC 9162's definitions, written down a second time, recursively."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weir.kernel import merkle
from weir.kernel.merkle import Tree

SIZES = st.integers(min_value=1, max_value=70)


def hashes(count: int) -> list[bytes]:
    return [merkle.leaf_hash(b"%d" % each) for each in range(count)]


def by_definition(leaves: list[bytes]) -> bytes:
    """RFC 9162 section 2.1.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    both = by_definition(leaves[:split]) + by_definition(leaves[split:])
    return sha256(b"\x01" + both).digest()


def test_roots_that_others_publish() -> None:
    """The test data of certificate transparency's reference implementation."""
    leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657"]
    leaves.append("606162636465666768696a6b6c6d6e6f")
    tree = Tree([merkle.leaf_hash(bytes.fromhex(each)) for each in leaves])
    assert tree.root.hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    assert Tree([]).root.hex().startswith("e3b0c44298fc1c149afbf4c8996fb924")


@given(SIZES)
def test_a_root_is_that_of_the_definition(size: int) -> None:
    assert Tree(hashes(size)).root == by_definition(hashes(size))


@given(SIZES, st.data())
def test_an_inclusion_holds_for_its_own_leaf_alone(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    other = data.draw(st.integers(0, size - 1))
    leaves = hashes(size)
    tree = Tree(leaves)
    proof = tree.inclusion(index)
    assert merkle.verify_inclusion(leaves[index], index, size, proof, tree.root)
    assert merkle.verify_inclusion(leaves[index], other, size, proof, tree.root) == (other == index)
    assert not merkle.verify_inclusion(leaves[index], index, size, [*proof, leaves[0]], tree.root)
    if proof:
        assert not merkle.verify_inclusion(leaves[index], index, size, proof[:-1], tree.root)


@given(SIZES, st.data())
def test_a_larger_tree_is_proven_to_begin_with_a_smaller(size: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, size))
    tree, before = Tree(hashes(size)), Tree(hashes(old))
    proof = merkle.consistency(old, size, tree.node)
    assert merkle.verify_consistency(old, before.root, size, tree.root, proof)
    forged = Tree([merkle.leaf_hash(b"other"), *hashes(size)[1:]])
    assert not merkle.verify_consistency(old, before.root, size, forged.root, proof)


def test_every_tree_begins_with_the_empty_one() -> None:
    assert merkle.verify_consistency(0, merkle.EMPTY_ROOT, 3, Tree(hashes(3)).root, [])
    assert not merkle.verify_consistency(0, b"x" * 32, 3, Tree(hashes(3)).root, [])


def test_what_is_not_in_the_tree_has_no_proof() -> None:
    with pytest.raises(ValueError, match="no such leaf"):
        Tree(hashes(3)).inclusion(3)
    with pytest.raises(ValueError, match="not empty"):
        merkle.consistency(0, 3, Tree(hashes(3)).node)
    assert not merkle.verify_inclusion(hashes(1)[0], 3, 3, [], merkle.EMPTY_ROOT)
