"""Who answers a request: the pipeline, or control; and what is known of heads met before."""
