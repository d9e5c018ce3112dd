"""What a process may let through: budgets leased from the counters of record, and places."""
