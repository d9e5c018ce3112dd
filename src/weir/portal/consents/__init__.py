"""The consent pages: a customer answers a request, sees what is granted, and withdraws it."""
