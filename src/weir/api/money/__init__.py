"""The API's operations on money: agreements, closings, statements, disputes, payments."""
