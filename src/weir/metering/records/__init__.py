"""Call records: written, sealed, witnessed, proven, reconciled and kept as long as need be."""
