"""Pictures of products: read by content, made small, written anew, so that nothing but our own WebP is ever served.

What somebody uploads is never stored: no metadata, no second format hidden behind the first, no file that a browser
could take for a page.
"""

from __future__ import annotations

import hashlib
import io
import logging
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from primepos.domain.catalog.errors import BadImage
from primepos.domain.jobs.tasks import TASKS, Task

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from primepos.core.operations import App

MEDIA_TYPE: Final = "image/webp"
FORMATS: Final = ("PNG", "JPEG", "WEBP")
LONGEST_PX: Final = 1200
THUMBNAIL_PX: Final = 200
# A few bytes can claim to be a picture of any size; this is asked before a pixel is read.
MOST_PIXELS: Final = 40_000_000
FORGET_FILE: Final = "files.forget"

# It tells of every block of every file.
logging.getLogger("PIL").setLevel(logging.INFO)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture and its small version as they are stored; sizes in pixels."""

    content: bytes
    thumbnail: bytes
    width: int
    height: int

    def names(self, tenant_key: UUID, product_id: UUID) -> tuple[str, str]:
        """Return under which names the two are kept: of this product alone, and of this content alone."""
        digest = hashlib.sha256(self.content + self.thumbnail).hexdigest()[:24]
        stem = f"product-{tenant_key.hex}-{product_id.hex}-{digest}"
        return f"{stem}.webp", f"{stem}-small.webp"


def read_picture(content: bytes) -> Picture:
    """Return what is kept of an uploaded file: upright, at most 1200 pixels long, as WebP without metadata.

    The same file always gives the same bytes. Raises: :class:`BadImage`.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            # Its own limit only warns, at a size far above ours.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=FORMATS) as given:
                if given.width * given.height > MOST_PIXELS:
                    raise BadImage(problem=f"it has {given.width} x {given.height} pixels")
                upright = ImageOps.exif_transpose(given)
                has_alpha = "A" in upright.getbands() or "transparency" in upright.info
                plain = upright.convert("RGBA" if has_alpha else "RGB")
    except UnidentifiedImageError:
        raise BadImage(problem="it is no PNG, JPEG or WebP") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise BadImage(problem=f"it is damaged ({type(error).__name__})") from None
    full = _shrunk(plain, LONGEST_PX)
    return Picture(_as_webp(full), _as_webp(_shrunk(plain, THUMBNAIL_PX)), full.width, full.height)


def _shrunk(picture: Any, longest: int) -> Any:
    smaller = picture.copy()
    smaller.thumbnail((longest, longest))
    return smaller


def _as_webp(picture: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=82, method=4)
    return out.getvalue()


def _forget(app: App, arguments: Mapping[str, Any]) -> None:
    """Remove files that nothing names any more; again finds them gone."""
    for name in arguments["names"]:
        app.files.forget(str(name))


TASKS[FORGET_FILE] = Task(FORGET_FILE, _forget)
