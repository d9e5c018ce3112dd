"""Keys: the vault, JOSE and DPoP, the certificate authority, algorithms and their end dates."""
