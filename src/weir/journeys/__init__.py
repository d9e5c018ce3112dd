"""Journeys of parties: their ways into the alliance."""
