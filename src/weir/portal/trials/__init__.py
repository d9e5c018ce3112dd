"""Trials of an operation from its page, with a customer's consent where it needs one."""
