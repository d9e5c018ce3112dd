"""Operations on parties: organisations, people, applications, customers and their consents."""
