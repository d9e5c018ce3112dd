"""The demo: a small alliance told as a story to a newcomer, through public interfaces only."""
