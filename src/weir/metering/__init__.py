"""Call records and what counts them: segments, the lake, budgets, intents."""
