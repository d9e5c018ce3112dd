"""Operations on the shelf's supply: documents, capabilities, products, plans, subscriptions."""
