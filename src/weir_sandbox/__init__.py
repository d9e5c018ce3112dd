"""Model member institutions: the world in which weir's partners try products out.

They import nothing of weir and know nothing of it but the certificate and the identity header its
gateway presents.
"""
