"""How a service is spoken to: bytes in, events and jobs out."""
