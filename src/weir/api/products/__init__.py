"""The API's operations on the shelf's supply: documents, capabilities, products and plans."""
