"""Values that every room shares: money, identifiers, clock, limits, outcomes. No I/O."""
