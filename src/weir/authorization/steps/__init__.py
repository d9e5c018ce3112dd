"""One rule, one short function. `weir.authorization.pipeline` says which apply where."""
