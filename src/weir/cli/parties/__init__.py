"""Commands on parties: organisations, people, applications, customers, consents."""
