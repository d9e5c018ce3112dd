"""The public pages of the shelf: home, search, products, prices, the reference."""
