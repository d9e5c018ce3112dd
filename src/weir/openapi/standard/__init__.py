"""The standard of capabilities: a closed list of rules, and of changes that break callers."""
