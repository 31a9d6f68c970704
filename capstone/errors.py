"""What can go wrong, in sentences."""

from __future__ import annotations


class CapstoneError(Exception):
    """A file or a model that cannot be used; the message names it and says what was expected."""
