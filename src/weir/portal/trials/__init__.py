"""Trying an operation out from its page, with a customer's consent where it needs one."""
