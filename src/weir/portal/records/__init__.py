"""The desk's pages on call records: traffic, receipts and roots."""
