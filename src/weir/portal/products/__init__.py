"""The desk's pages on the shelf's supply: documents, products and subscriptions."""
