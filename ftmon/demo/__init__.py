"""The embedded service: an HTTP server on loopback that trains a tiny model and tells of it."""
