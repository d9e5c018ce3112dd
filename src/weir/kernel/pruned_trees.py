"""Merkle trees some of whose leaves are gone for good, and that can still be checked.

In the place of leaves that were removed stand the hashes of the complete subtrees they made up
(RFC 9162 section 2.1.1 for how hashes are made). What remains is then as provable as before, and
nothing can be learnt of what went. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from weir.kernel import merkle

Nodes = Mapping[tuple[int, int], bytes]  # (level, position) to the hash of a complete subtree


def prune(removed: Collection[int], node: merkle.Node) -> dict[tuple[int, int], bytes]:
    """The fewest complete subtrees that hold exactly these leaves, by indexes from 0."""
    found = {}
    for begin, end in _runs(removed):
        at = begin
        while at < end:
            level = (end - at).bit_length() - 1
            if at:
                level = min(level, (at & -at).bit_length() - 1)
            found[level, at >> level] = node(level, at >> level)
            at += 1 << level
    return found


def node_of(leaves: Mapping[int, bytes], nodes: Nodes) -> merkle.Node:
    """The hashes of a tree of which these leaves and these subtrees are at hand.

    KeyError when a hash is asked for that does not follow from them.
    """
    known: dict[tuple[int, int], bytes] = dict(nodes)

    def node(level: int, position: int) -> bytes:
        place = (level, position)
        if place not in known:
            if level == 0:
                return leaves[position]
            left, right = node(level - 1, 2 * position), node(level - 1, 2 * position + 1)
            known[place] = merkle.inner_hash(left, right)
        return known[place]

    return node


def fault(size: int, root: str, node: merkle.Node) -> str | None:
    """Why what remains is not a tree of `size` leaves under this root; None when it is."""
    try:
        found = merkle.root(size, node).hex()
    except KeyError:
        return "a leaf is missing, and nothing stands in its place"
    return None if found == root else "it is not what was under the root"


def _runs(indexes: Collection[int]) -> list[tuple[int, int]]:
    """Consecutive indexes as (first, one past the last)."""
    runs: list[tuple[int, int]] = []
    for index in sorted(indexes):
        if runs and runs[-1][1] == index:
            runs[-1] = (runs[-1][0], index + 1)
        else:
            runs.append((index, index + 1))
    return runs
