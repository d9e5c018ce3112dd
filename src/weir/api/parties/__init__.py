"""The API's operations on parties: organisations, people, applications, customers, consents."""
