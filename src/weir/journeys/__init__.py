"""How parties come in."""
