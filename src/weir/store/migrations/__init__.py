"""The schema's history, written by hand, one file a step, never edited after it has landed."""
