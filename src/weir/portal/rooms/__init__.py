"""The rooms of those who work here: what each role finds behind the sign-in."""
