"""The consent pages: a customer is asked, sees what is granted, and withdraws."""
