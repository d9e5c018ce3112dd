"""The management API: the same operations as the command line and the portal, over HTTP."""
