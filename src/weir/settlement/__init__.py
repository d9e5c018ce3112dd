"""Settlement: call records become rated periods, split statements, closings and payments."""
