"""PostgreSQL unit of work, migrations, Valkey, and the embedded engines."""
