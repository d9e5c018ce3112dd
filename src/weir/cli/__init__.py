"""Commands of `weir`: clients of the operations, and the roles that are run."""
