"""HTTP/1.1 on the wire: grammar, connections to callers and members, TLS and private sockets."""
