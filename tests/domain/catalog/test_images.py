"""Pictures of products: told by content, drawn anew, served to whoever may see the product, gone when replaced."""

from __future__ import annotations

import base64
import io

import pytest
from PIL import Image

from primepos.core.errors import InvalidInput, PermissionDenied
from primepos.domain.catalog import pictures
from primepos.domain.catalog.errors import BadImage, ImageNotFound, ProductNotFound
from primepos.domain.catalog.pictures import FORGET_FILE, read_picture
from primepos.domain.catalog.service import archive_product, get_image, get_product, remove_image, set_image
from primepos.domain.jobs.tasks import TASKS
from tests.factories import rows


def picture(kind="PNG", size=(60, 40), colour="red", **more):
    out = io.BytesIO()
    mode = "RGBA" if kind != "JPEG" else "RGB"
    Image.new(mode, size, colour).save(out, kind, **more)
    return out.getvalue()


def put(app, shop, content, *, product=0, identity=None):
    return app.run(set_image, identity or shop.owner, {"product_id": shop.products[product], "content": content})


def fetched(app, shop, product=0, **more):
    return app.run(get_image, shop.cashier, {"id": shop.products[product], **more})


def files(settings):
    folder = settings.data_dir / "files"
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_is_kept_as_webp_with_a_thumbnail(app, shop, kind):
    found = put(app, shop, picture(kind, (3000, 1500)))

    assert (found.image.media_type, found.image.width, found.image.height) == ("image/webp", 1200, 600)
    for size, longest in (("full", 1200), ("thumbnail", 200)):
        served = fetched(app, shop, size=size)
        with Image.open(io.BytesIO(served.content)) as opened:
            assert (opened.format, max(opened.size)) == ("WEBP", longest)
    assert app.run(get_product, shop.cashier, {"id": shop.products[0]}).image == found.image


def test_json_carries_it_as_base64(app, shop):
    text = base64.b64encode(picture()).decode()
    assert put(app, shop, text).image.width == 60


def test_nothing_of_the_file_but_the_picture_is_kept(app, shop):
    exif = Image.Exif()
    exif[0x010E] = "<script>alert(1)</script>"
    exif[0x0112] = 6
    dirty = picture("JPEG", (60, 40), exif=exif) + b"<html><script>alert(2)</script></html>"
    put(app, shop, dirty)
    served = fetched(app, shop)
    assert b"script" not in served.content
    with Image.open(io.BytesIO(served.content)) as opened:
        assert (opened.size, dict(opened.getexif())) == ((40, 60), {}), "it is turned as its owner saw it"


@pytest.mark.parametrize(
    "content",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"GIF89a\x01\x00\x01\x00\x00\x00\x00;",
        picture()[:40],
        b"\x89PNG\r\n\x1a\nnonsense",
        b"%PDF-1.4",
    ],
    ids=["svg", "gif", "half", "nonsense", "pdf"],
)
def test_what_is_no_such_picture_is_refused_and_nothing_is_stored(app, shop, settings, content):
    before = files(settings)
    with pytest.raises(BadImage):
        put(app, shop, content)
    assert files(settings) == before
    with pytest.raises(ImageNotFound):
        fetched(app, shop)


def test_a_small_file_that_claims_to_be_huge_is_refused(app, shop, monkeypatch):
    monkeypatch.setattr(pictures, "MOST_PIXELS", 1000)
    with pytest.raises(BadImage, match="60 x 40 pixels"):
        put(app, shop, picture())


def test_a_file_that_is_too_large_is_refused(app, shop):
    with pytest.raises(InvalidInput):
        put(app, shop, b"x" * 750_001)


def test_the_same_file_gives_the_same_bytes():
    assert read_picture(picture()) == read_picture(picture())


def test_a_new_picture_or_none_takes_the_old_files_away_after_the_commit(app, shop, settings):
    before = files(settings)
    put(app, shop, picture())
    first = files(settings) - before
    put(app, shop, picture())
    assert files(settings) - before == first, "the same picture again is the same files"
    put(app, shop, picture(colour="blue"))
    app.run(remove_image, shop.owner, {"id": shop.products[0]})
    app.run(remove_image, shop.owner, {"id": shop.products[0]})
    jobs = rows(
        app,
        "SELECT args FROM procrastinate_jobs WHERE task_name = %s AND args::text LIKE %s ORDER BY id",
        (FORGET_FILE, f"%{shop.products[0].hex}%"),
    )
    assert [len(job["args"]["names"]) for job in jobs] == [2, 2]
    assert files(settings) - before > first, "nothing goes before the commit"
    for job in (*jobs, *jobs):
        TASKS[FORGET_FILE].run(app, job["args"])
    assert files(settings) == before
    with pytest.raises(ImageNotFound):
        fetched(app, shop)


def test_an_archived_product_keeps_its_picture(app, shop):
    put(app, shop, picture())
    app.run(archive_product, shop.owner, {"id": shop.products[0]})
    assert fetched(app, shop).content


def test_who_has_it_already_gets_nothing_again(app, shop):
    put(app, shop, picture())
    tag = fetched(app, shop).tag
    again = fetched(app, shop, known=tag)
    assert (again.unchanged, again.content) == (True, b"")
    assert not fetched(app, shop, known=tag, size="thumbnail").unchanged


def test_two_products_with_one_picture_have_files_of_their_own(app, shop):
    put(app, shop, picture())
    put(app, shop, picture(), product=1)
    assert fetched(app, shop).name != fetched(app, shop, 1).name


def test_a_cashier_sees_pictures_and_sets_none(app, shop):
    with pytest.raises(PermissionDenied):
        put(app, shop, picture(), identity=shop.cashier)
    with pytest.raises(ProductNotFound):
        app.run(set_image, shop.owner, {"product_id": shop.outlet_id, "content": picture()})
