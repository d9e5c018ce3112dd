"""Who takes part: the operator, members, partners, their applications, keys and certificates."""
