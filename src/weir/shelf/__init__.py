"""What is on offer: documents, capabilities, products, plans and subscriptions."""
