"""Rating: usage counted from records, and the charges, rewards and splits that follow."""
