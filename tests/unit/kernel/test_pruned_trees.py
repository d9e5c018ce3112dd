"""Trees some of whose leaves are gone: what remains is provable, and nothing else passes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from weir.kernel import merkle, pruned_trees

TREES = st.integers(1, 70).flatmap(
    lambda size: st.tuples(st.just(size), st.sets(st.integers(0, size - 1)))
)


def tree_of(size: int) -> tuple[dict[int, bytes], merkle.Tree]:
    leaves = {index: merkle.leaf_hash(b"%d" % index) for index in range(size)}
    return leaves, merkle.Tree(list(leaves.values()))


@given(TREES)
def test_what_remains_has_the_same_root_and_the_same_proofs(case: tuple[int, set[int]]) -> None:
    size, removed = case
    leaves, tree = tree_of(size)
    nodes = pruned_trees.prune(removed, tree.node)
    remaining = {index: each for index, each in leaves.items() if index not in removed}
    node = pruned_trees.node_of(remaining, nodes)
    assert pruned_trees.find_fault(size, tree.root.hex(), node) is None
    for index, leaf in remaining.items():
        path = merkle.inclusion(index, size, node)
        assert path == tree.inclusion(index)
        assert merkle.verify_inclusion(leaf, index, size, path, tree.root)
    assert sum(1 << level for level, _ in nodes) == len(removed)


@given(TREES, st.data())
def test_a_leaf_more_less_or_another_is_found(
    case: tuple[int, set[int]], data: st.DataObject
) -> None:
    size, removed = case
    leaves, tree = tree_of(size)
    nodes = pruned_trees.prune(removed, tree.node)
    remaining = {index: each for index, each in leaves.items() if index not in removed}
    at = data.draw(st.integers(0, size - 1))
    if at in remaining:
        del remaining[at]
        root = tree.root.hex()
        assert (
            pruned_trees.find_fault(size, root, pruned_trees.node_of(remaining, nodes)) is not None
        )
        remaining[at] = merkle.leaf_hash(b"another")
        assert (
            pruned_trees.find_fault(size, root, pruned_trees.node_of(remaining, nodes)) is not None
        )


def test_the_fewest_subtrees_stand_for_a_run() -> None:
    _, tree = tree_of(16)
    assert set(pruned_trees.prune(range(3, 13), tree.node)) == {(0, 3), (2, 1), (2, 2), (0, 12)}
