"""Model member institutions: the world that weir's partners try things out in.

They import nothing of weir and know nothing of it but the certificate and the identity header
its gateway presents.
"""
