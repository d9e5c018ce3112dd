"""The authorization server: FAPI 2.0 on joserfc and cryptography."""
