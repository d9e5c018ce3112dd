"""Search over the shelf in both languages, by character bigrams made here."""
