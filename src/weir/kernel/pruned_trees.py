"""Pruned Merkle trees: some leaves are removed for good, and the rest can still be checked.

The hashes of complete subtrees (RFC 9162 section 2.1.1) stand in the place of the removed leaves.
The remaining leaves can be proven as before, and the hashes reveal nothing about the removed ones.
Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from weir.kernel import merkle

Nodes = Mapping[tuple[int, int], bytes]  # hashes of complete subtrees by (level, position)


def prune(removed: Collection[int], node: merkle.Node) -> dict[tuple[int, int], bytes]:
    """Return the hashes of the fewest complete subtrees that hold exactly the removed leaves.

    `removed` are indexes of leaves, from 0; the result is by (level, position).
    """
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
    """Return a function that computes the hashes of a tree from these leaves and subtrees.

    The function raises KeyError for a hash that does not follow from them.
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


def find_fault(size: int, root: str, node: merkle.Node) -> str | None:
    """Return the reason that `node` gives no tree of `size` leaves under this root, or None.

    `root` is in hexadecimal.
    """
    try:
        found = merkle.root(size, node).hex()
    except KeyError:
        return "a leaf is missing, and nothing stands in its place"
    return None if found == root else "it is not what was under the root"


def _runs(indexes: Collection[int]) -> list[tuple[int, int]]:
    """Runs of consecutive indexes, each as (first, one past the last)."""
    runs: list[tuple[int, int]] = []
    for index in sorted(indexes):
        if runs and runs[-1][1] == index:
            runs[-1] = (runs[-1][0], index + 1)
        else:
            runs.append((index, index + 1))
    return runs
