"""The parties: operator, members and partners, with their applications, keys and certificates."""
