"""How far a request has got, as httpcore tells it step by step."""

from typing import Any


class Steps:
    """How far one request has got."""

    def __init__(self) -> None:
        self.is_sent = False
        """Some of a POST may have reached the service."""
        self.begin()

    def begin(self) -> None:
        """Begin again, for the next request of the same exchange."""
        self.has_connected = False
        """A new connection was begun; otherwise one is reused."""
        self.has_head = False

    async def note(self, step: str, details: dict[str, Any]) -> None:
        """Take httpcore's word for a step."""
        match step:
            case "connection.connect_tcp.started":
                self.has_connected = True
            # A proxy's tunnel begins with a request of its own, a CONNECT.
            case "http11.send_request_headers.started":
                self.is_sent = self.is_sent or details["request"].method == b"POST"
            case "http11.receive_response_headers.complete":
                self.has_head = True
