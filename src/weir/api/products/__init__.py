"""The API's operations on what is offered: documents, capabilities, products and plans."""
