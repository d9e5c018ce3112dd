"""The shelf: documents, capabilities, products, plans and subscriptions."""
