"""What customers granted: asked for, given, kept, withdrawn, and proven."""
