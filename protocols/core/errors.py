"""What goes wrong: on our side of the seam (exceptions) and in what a peer sent (caught where it is decoded)."""


class LocalError(ValueError):
    """Our own caller misused an interface: a value that no wire can carry, a call out of order."""


class DecodeError(ValueError):
    """A peer's bytes are not the message they claim to be. Sessions turn it into a `Malformed` event."""
