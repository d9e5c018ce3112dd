"""The lake: call records as Parquet, ingested exactly once, merged, queried and expired."""
