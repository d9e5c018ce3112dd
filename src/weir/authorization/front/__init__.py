"""The authorization server's HTTP: endpoints, refusals, discovery, dynamic registration."""
