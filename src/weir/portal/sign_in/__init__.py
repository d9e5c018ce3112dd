"""Coming in: sign-up, sign-in, two factors, one-time links and their renewal."""
