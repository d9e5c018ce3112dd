"""The lake: call records as Parquet, brought in exactly once, merged, and questioned."""
