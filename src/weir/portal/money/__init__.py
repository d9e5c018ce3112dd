"""The desk's pages on money: agreements, closings, statements, disputes, credits, settlement."""
