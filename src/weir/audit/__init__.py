"""The audit trail: every event there is, and one sealed chain of them an organisation."""
