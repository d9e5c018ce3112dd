"""Commands on signing keys, algorithms and trust anchors."""
