"""Permissions of people and applications, and the types of consent: closed lists without I/O."""
