"""Agreements: dated, versioned terms that split a product's revenue among parties."""
