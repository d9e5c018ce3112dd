"""Clients: registration, keys and assertions."""
