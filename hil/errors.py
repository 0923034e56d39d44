"""What people did wrong, in one line that they can act on."""


class BadInput(ValueError):
    """A file, key or value that cannot be used. The message names it, the allowed values, and the fix. Nothing was written."""
