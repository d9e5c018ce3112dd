"""Commands on call records and the audit trail: counts, traffic, roots, bundles."""
