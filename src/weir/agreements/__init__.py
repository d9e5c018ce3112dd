"""Agreements between the parties of the alliance."""
