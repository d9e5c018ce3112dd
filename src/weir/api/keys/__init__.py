"""The API's operations on signing keys, algorithms and trust anchors."""
