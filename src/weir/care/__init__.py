"""Controls, keys, the alliance's authority, and the audit chain."""
