"""Permissions of people and applications, and the kinds of consent: closed lists without I/O."""
