"""Identity: people who sign in, customers as members know them, one-time links, sessions."""
