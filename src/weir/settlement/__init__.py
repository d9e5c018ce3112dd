"""From call records to statements: rating, splitting, closing, and verifying without the books."""
