"""Clients: their standing, keys and assertions."""
