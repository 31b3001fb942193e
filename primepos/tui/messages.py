"""What workers tell the screen, exactly one message for each piece of work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.message import Message

if TYPE_CHECKING:
    from primepos.core.errors import PrimePOSError


class Done(Message):
    """A piece of work has ended well."""

    def __init__(self, name: str, result: Any) -> None:
        """``name`` says which work, ``result`` is what it gave."""
        super().__init__()
        self.name = name
        self.result = result


class Refused(Message):
    """A piece of work was refused, or failed; nothing is left half done."""

    def __init__(self, name: str, error: PrimePOSError) -> None:
        """``name`` says which work, ``error`` why not."""
        super().__init__()
        self.name = name
        self.error = error
