"""Commands on money: agreements, closings, statements, disputes, payments."""
