"""One small pure module per API: the requests it needs, and what its answers mean."""
