"""The reference of an operation, made from its OpenAPI document for readers and their programs."""
