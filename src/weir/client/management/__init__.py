"""The management API, a file and an attribute of `Management` for each thing."""
