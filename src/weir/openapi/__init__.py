"""OpenAPI documents: read, validated, taken apart by operation, and put together again."""
