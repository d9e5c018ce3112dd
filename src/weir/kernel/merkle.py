"""Merkle trees (RFC 9162 section 2): roots, and proofs of inclusion and consistency.

The hash of a leaf is SHA-256(0x00 || leaf), that of an inner node SHA-256(0x01 || left || right). A
tree of n leaves splits at the largest power of two smaller than n. All functions are pure. Hashes
are 32 bytes; a proof is a list of hashes, from the leaves up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()

# Takes (level, position) and returns the hash of the complete subtree of 2**level leaves that
# begins at leaf position << level.
Node = Callable[[int, int], bytes]


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of one leaf (RFC 9162 section 2.1.1)."""
    return sha256(b"\x00" + leaf).digest()


def inner_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node from the hashes of its two children."""
    return sha256(b"\x01" + left + right).digest()


class Tree:
    """A tree made from the hashes of all its leaves."""

    def __init__(self, leaf_hashes: Sequence[bytes]) -> None:
        self.size = len(leaf_hashes)
        self._levels = [list(leaf_hashes)]
        while len(self._levels[-1]) > 1:
            below = self._levels[-1]
            pairs = zip(below[::2], below[1::2], strict=False)
            self._levels.append([inner_hash(left, right) for left, right in pairs])

    def node(self, level: int, position: int) -> bytes:
        """Return the hash of a complete subtree; see `Node` for the arguments."""
        return self._levels[level][position]

    @property
    def root(self) -> bytes:
        """The root of the tree; for an empty tree, SHA-256 of the empty string."""
        return root(self.size, self.node)

    def inclusion(self, index: int) -> list[bytes]:
        """Return the proof that leaf `index` is in the tree. ValueError when there is none."""
        return inclusion(index, self.size, self.node)


def complete_subtrees(size: int) -> list[tuple[int, int]]:
    """Return the complete subtrees that make up a tree of `size` leaves, largest first.

    Each is a (level, position), as `Node` takes them.
    """
    parts = []
    begin = 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            parts.append((level, begin >> level))
            begin += 1 << level
    return parts


def root(size: int, node: Node) -> bytes:
    """Return the root over the first `size` leaves."""
    parts = complete_subtrees(size)
    if not parts:
        return EMPTY_ROOT
    found = node(*parts.pop())
    for part in reversed(parts):
        found = inner_hash(node(*part), found)
    return found


def inclusion(index: int, size: int, node: Node) -> list[bytes]:
    """Return the proof that leaf `index` is in a tree of `size` leaves (RFC 9162 section 2.1.3.1).

    ValueError when there is no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError("there is no such leaf")
    return _path(index, 0, size, node)


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected_root: bytes
) -> bool:
    """Whether `leaf` is the hash of leaf `index` under the root (RFC 9162 section 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    found, at, last = leaf, index, size - 1
    for each in proof:
        if last == 0 or len(each) != HASH_BYTES:
            return False
        if at & 1 or at == last:
            found = inner_hash(each, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = inner_hash(found, each)
        at, last = at >> 1, last >> 1
    return last == 0 and found == expected_root


def consistency(old: int, size: int, node: Node) -> list[bytes]:
    """Return the proof that a tree of `size` leaves begins with the tree of its first `old` leaves.

    RFC 9162 section 2.1.4.1. ValueError unless 0 < `old` <= `size`.
    """
    if not 0 < old <= size:
        raise ValueError("only a tree that is not empty has a larger one")
    return _subproof(old, 0, size, node, whole=True)


def verify_consistency(
    old: int, old_root: bytes, size: int, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether the larger tree begins with the smaller one (RFC 9162 section 2.1.4.2).

    Every tree begins with the empty one.
    """
    if old == 0 or old == size:
        return not proof and (old_root == (EMPTY_ROOT if old == 0 else new_root))
    if not 0 < old < size or not proof or any(len(each) != HASH_BYTES for each in proof):
        return False
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    at, last = old - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    first = second = path[0]
    for each in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            first, second = inner_hash(each, first), inner_hash(each, second)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            second = inner_hash(second, each)
        at, last = at >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root


def _split(size: int) -> int:
    """The largest power of two smaller than `size`, which is at least 2."""
    return 1 << (size - 1).bit_length() - 1


def _range_root(begin: int, size: int, node: Node) -> bytes:
    """The root over `size` leaves from `begin`, where `begin` is a multiple of a split."""
    if size & (size - 1) == 0:
        level = size.bit_length() - 1
        return node(level, begin >> level)
    left = _split(size)
    return inner_hash(_range_root(begin, left, node), _range_root(begin + left, size - left, node))


def _path(index: int, begin: int, size: int, node: Node) -> list[bytes]:
    if size == 1:
        return []
    left = _split(size)
    if index < left:
        return [*_path(index, begin, left, node), _range_root(begin + left, size - left, node)]
    path = _path(index - left, begin + left, size - left, node)
    return [*path, _range_root(begin, left, node)]


def _subproof(old: int, begin: int, size: int, node: Node, *, whole: bool) -> list[bytes]:
    if old == size:
        return [] if whole else [_range_root(begin, size, node)]
    left = _split(size)
    if old <= left:
        path = _subproof(old, begin, left, node, whole=whole)
        return [*path, _range_root(begin + left, size - left, node)]
    path = _subproof(old - left, begin + left, size - left, node, whole=False)
    return [*path, _range_root(begin, left, node)]
