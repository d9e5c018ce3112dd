"""The open pages of the shelf: home, search, products, prices, the reference."""
