"""What goes into and comes out of the operations on pictures."""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct

# Base64 makes a third more of it, and a request's body has at most a mebibyte.
MOST_BYTES = 750_000


class SetImage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A picture of a product: a PNG, JPEG or WebP file, in JSON as base64. What it is is told by its content."""

    product_id: UUID
    content: Annotated[bytes, Meta(min_length=1, max_length=MOST_BYTES)]


class AskImage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for a product's picture, or for the small one; ``known`` is the tag of the one the caller has."""

    id: UUID
    size: Literal["full", "thumbnail"] = "full"
    known: Annotated[str, Meta(max_length=200)] | None = None


class ImageFile(Struct, frozen=True, kw_only=True):
    """A picture as it is served; ``tag`` names its content. ``unchanged``: the caller has it, so nothing is sent."""

    name: str
    media_type: str
    content: bytes
    tag: str
    unchanged: bool = False
