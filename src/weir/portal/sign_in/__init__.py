"""Sign-in: sign-up, passphrase, two factors, one-time links and their renewal."""
