"""The desk's pages on what is offered: documents, products and subscriptions."""
