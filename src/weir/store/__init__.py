"""The store: PostgreSQL and its units of work, migrations, Valkey, and the embedded engines."""
