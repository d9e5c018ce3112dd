"""The platform's books: balanced postings that are never changed."""
