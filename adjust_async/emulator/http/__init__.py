"""The server: sockets, routes, authentication, error bodies and statistics."""
