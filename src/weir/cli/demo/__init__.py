"""`weir demo`: a small alliance, its whole story through public interfaces, and its figures."""
