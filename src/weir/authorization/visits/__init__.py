"""A customer's visit: from the pushed request over the consent pages back to the client."""
