"""Call records: written, sealed into segments, witnessed by members, and audited."""
