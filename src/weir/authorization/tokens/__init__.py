"""Tokens: access tokens, ID tokens, tokens presented again, and tokens for trials."""
