"""The desk's pages on parties: organisations, applications, customers and their consents."""
