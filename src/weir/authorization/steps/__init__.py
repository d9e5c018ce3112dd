"""Steps of the authorization server, a rule each; its `pipeline.py` says which apply where."""
