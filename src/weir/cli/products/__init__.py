"""Commands on what is offered: documents, capabilities, products, plans, subscriptions."""
