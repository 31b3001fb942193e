"""Which files a product's picture is in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from uuid import UUID

    from primepos.core.context import Context
    from primepos.domain.catalog.pictures import Picture

_PUT: Final = """
    INSERT INTO product_images AS i
           (tenant_id, product_id, file_name, thumbnail_name, media_type, width, height, size, added_at)
    VALUES (%(tenant)s, %(product)s, %(file)s, %(thumbnail)s, %(media_type)s, %(width)s, %(height)s, %(size)s, %(at)s)
    ON CONFLICT (tenant_id, product_id) DO UPDATE
       SET file_name = EXCLUDED.file_name, thumbnail_name = EXCLUDED.thumbnail_name, width = EXCLUDED.width,
           media_type = EXCLUDED.media_type, height = EXCLUDED.height, size = EXCLUDED.size,
           added_at = EXCLUDED.added_at
"""


def find_image(ctx: Context, product_id: UUID) -> dict[str, Any] | None:
    """Return the row of a product's picture, None without one."""
    found = ctx.uow.rows(
        "SELECT file_name, thumbnail_name, media_type FROM product_images WHERE tenant_id = %s AND product_id = %s",
        (ctx.tenant_id, product_id),
    )
    return found[0] if found else None


def put_image(ctx: Context, product_id: UUID, names: tuple[str, str], picture: Picture, media_type: str) -> None:
    """Let a product's picture be this one."""
    ctx.uow.run(
        _PUT,
        {
            "tenant": ctx.tenant_id,
            "product": product_id,
            "file": names[0],
            "thumbnail": names[1],
            "media_type": media_type,
            "width": picture.width,
            "height": picture.height,
            "size": len(picture.content),
            "at": ctx.clock.now(),
        },
    )


def drop_image(ctx: Context, product_id: UUID) -> None:
    """Let a product have no picture."""
    ctx.uow.run("DELETE FROM product_images WHERE tenant_id = %s AND product_id = %s", (ctx.tenant_id, product_id))
