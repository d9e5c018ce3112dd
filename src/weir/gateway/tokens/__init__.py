"""Access tokens: verified once, then known by their bytes."""
