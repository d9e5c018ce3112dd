"""Strict grammars of what clients send: forms, scopes, PKCE, OpenID parameters, nonces."""
