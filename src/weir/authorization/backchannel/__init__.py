"""Questions to customers on their own device (OpenID CIBA Core 1.0)."""
