"""Benchmarks that can tell 2%: the working tree beside one commit, `make bench AGAINST=COMMIT`.

Both have an installation of their own, up at the same time, each by its own code; one load
generator, that of the working tree, measures them in short turns whose order is drawn by lot.
"""

from __future__ import annotations

from bench.against.comparison import Comparison
from bench.against.measures import MEASURES
from bench.against.outcome import Found
from bench.against.side import side
from bench.against.trees import this_tree, tree_of

__all__ = ["MEASURES", "compare"]


def compare(name: str, commit: str, limit: float | None, rounds: int | None) -> bool:
    """Measure, print and write; whether all goals are met.

    SystemExit when the trees cannot be compared.
    """
    measure, other = MEASURES[name], tree_of(commit)
    with side("this tree", this_tree()) as ours, side(commit, other) as theirs:
        if ours.is_compiled() != theirs.is_compiled():
            raise SystemExit("One of the trees runs compiled and the other interpreted.")
        comparison = Comparison(measure, ours, theirs)
        comparison.run(rounds or measure.rounds)
    found = Found(comparison, limit)
    found.show()
    print(f"Written to {found.write(name)}")
    return all(goal.met for goal in found.goals)
