"""Operations on pictures of products."""

from __future__ import annotations

from typing import TYPE_CHECKING

from primepos.core.context import Context
from primepos.core.errors import BadConfiguration
from primepos.core.operations import operation
from primepos.core.permissions import Permission
from primepos.domain.catalog.errors import BadImage, ImageNotFound, ProductNotFound
from primepos.domain.catalog.image_schemas import AskImage, ImageFile, SetImage
from primepos.domain.catalog.pictures import FORGET_FILE, MEDIA_TYPE, read_picture
from primepos.domain.catalog.queries import images, products
from primepos.domain.catalog.schemas import NameProduct, ProductOut

if TYPE_CHECKING:
    from primepos.core.context import Files


@operation("catalog.set_image", permission=Permission.PRODUCT_WRITE, raises=(ProductNotFound, BadImage))
def set_image(ctx: Context, data: SetImage) -> ProductOut:
    """Give a product a picture: PNG, JPEG or WebP by its content, at most 750,000 bytes and 40 megapixels.

    It is drawn anew as WebP of at most 1200 pixels, with a thumbnail, without anything else the file held. The one it
    had is removed after the commit. It stays when the product is archived. Raises: ``PRODUCT_NOT_FOUND``,
    ``BAD_IMAGE``.
    """
    files = _files(ctx)
    picture = read_picture(data.content)
    # The store may be far away: that product is looked for first, and no transaction waits for the store.
    product = products.get_product(ctx, data.product_id)
    names = picture.names(ctx.tenant.key, data.product_id)
    ctx.uow.keep()
    files.keep(names[0], picture.content)
    files.keep(names[1], picture.thumbnail)
    products.lock_catalogue(ctx)
    present = images.find_image(ctx, product.id)
    if present is None or present["file_name"] != names[0]:
        images.put_image(ctx, product.id, names, picture, MEDIA_TYPE)
        if present is not None:
            ctx.defer(FORGET_FILE, names=[present["file_name"], present["thumbnail_name"]])
    ctx.note(f"product {product.sku}", id=str(product.id), image=names[0], size=len(picture.content))
    return products.get_product(ctx, product.id)


@operation("catalog.remove_image", permission=Permission.PRODUCT_WRITE, raises=(ProductNotFound,))
def remove_image(ctx: Context, data: NameProduct) -> ProductOut:
    """Take a product's picture away; its files go after the commit. Again changes nothing.

    Raises: ``PRODUCT_NOT_FOUND``.
    """
    products.lock_catalogue(ctx)
    product = products.get_product(ctx, data.id)
    present = images.find_image(ctx, product.id)
    if present is not None:
        images.drop_image(ctx, product.id)
        ctx.defer(FORGET_FILE, names=[present["file_name"], present["thumbnail_name"]])
    ctx.note(f"product {product.sku}", id=str(product.id), image=None)
    return products.get_product(ctx, product.id)


@operation("catalog.image", permission=Permission.PRODUCT_READ, raises=(ProductNotFound, ImageNotFound), reads=True)
def get_image(ctx: Context, data: AskImage) -> ImageFile:
    """Give a product's picture, or its thumbnail, as WebP.

    Raises: ``PRODUCT_NOT_FOUND``, ``IMAGE_NOT_FOUND``.
    """
    product = products.get_product(ctx, data.id)
    present = images.find_image(ctx, product.id)
    if present is None:
        raise ImageNotFound(sku=product.sku)
    name = present["file_name"] if data.size == "full" else present["thumbnail_name"]
    ctx.uow.keep()
    unchanged = data.known == name
    return ImageFile(
        name=name,
        media_type=present["media_type"],
        content=b"" if unchanged else _files(ctx).read(name),
        tag=name,
        unchanged=unchanged,
    )


def _files(ctx: Context) -> Files:
    if ctx.files is None:
        raise BadConfiguration("There is no file store here")
    return ctx.files
