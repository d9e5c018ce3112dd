"""The story told to a newcomer: a small alliance, through public interfaces only."""
