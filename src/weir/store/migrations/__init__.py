"""Migrations: the history of the schema, a file a step; a released step's SQL never changes."""
