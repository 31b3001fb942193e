"""Variants, pictures, labels and lots over HTTP: a file is a file, and only for those who may see it."""

from __future__ import annotations

import base64
import io

import pytest
from PIL import Image

PATH = "/api/v1/products"


def png(colour="red"):
    out = io.BytesIO()
    Image.new("RGB", (30, 20), colour).save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


@pytest.fixture
def image(ask, shop):
    where = f"{PATH}/{shop.products[0]}/image"
    assert ask(shop.owner, "PUT", where, json={"content": png()}).json()["image"]["width"] == 30
    return where


def test_a_picture_is_served_as_what_it_is_and_not_twice_to_who_has_it(ask, api, people, shop, image):
    first = ask(shop.cashier, "GET", image)
    assert (first.status_code, first.headers["content-type"]) == (200, "image/webp")
    assert first.headers["cache-control"] == "private, no-cache"
    assert first.headers["x-content-type-options"] == "nosniff"
    with Image.open(io.BytesIO(first.content)) as opened:
        assert (opened.format, opened.size) == ("WEBP", (30, 20))

    known = {**people.headers(shop.cashier), "If-None-Match": first.headers["etag"]}
    again = api.get(image, headers=known)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    ask(shop.owner, "PUT", image, json={"content": png("blue")})
    assert api.get(image, headers=known).status_code == 200
    small = ask(shop.cashier, "GET", image, params={"size": "thumbnail"})
    assert small.headers["etag"] != first.headers["etag"]

    assert ask(shop.owner, "DELETE", image).json()["image"] is None
    gone = ask(shop.cashier, "GET", image)
    assert (gone.status_code, gone.json()["code"]) == (404, "IMAGE_NOT_FOUND")


def test_another_tenants_picture_is_not_there_and_a_stranger_hears_nothing(ask, other_shop, image):
    assert ask(None, "GET", image).status_code == 401
    theirs = ask(other_shop.owner, "GET", image)
    assert (theirs.status_code, theirs.json()["code"]) == (404, "PRODUCT_NOT_FOUND")


def test_what_is_no_picture_is_refused_by_what_it_is(ask, shop):
    content = base64.b64encode(b"<html><script>alert(1)</script></html>").decode()
    wrong = ask(shop.owner, "PUT", f"{PATH}/{shop.products[0]}/image", json={"content": content})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "BAD_IMAGE")


def test_labels_come_as_pdf_and_their_content_as_json(ask, shop):
    asked = {"items": [{"sku": "B-2", "copies": 2}]}
    drawn = ask(shop.cashier, "POST", "/api/v1/labels", json={**asked, "sheet": "L7651"})
    assert (drawn.status_code, drawn.headers["content-type"]) == (200, "application/pdf")
    assert drawn.content.startswith(b"%PDF-")
    assert drawn.headers["content-disposition"].startswith('inline; filename="labels-')
    shown = ask(shop.cashier, "POST", "/api/v1/labels/preview", json=asked).json()["items"]
    assert [(each["code"], each["symbology"], each["copies"]) for each in shown] == [("4006381333931", "EAN-13", 2)]
    sheets = ask(shop.cashier, "GET", "/api/v1/labels/sheets").json()["items"]
    assert "L7160" in {each["name"] for each in sheets}
    wrong = ask(shop.cashier, "POST", "/api/v1/labels", json={**asked, "sheet": "L0"})
    assert (wrong.status_code, wrong.json()["code"]) == (404, "SHEET_NOT_FOUND")


def test_variants_units_kits_lots_and_edits_have_their_routes(ask, shop):
    made = ask(shop.owner, "POST", PATH, json={"sku": "TEE", "name": "Tee", "unit_price": "9.90"}).json()["id"]
    options = [{"name": "size", "values": ["S", "M"]}]
    found = ask(shop.owner, "POST", f"{PATH}/{made}/variants", json={"options": options}).json()
    assert (found["created"], ask(shop.cashier, "GET", f"{PATH}/{made}/variants").json()["variants"]) == (
        2,
        found["variants"],
    )
    apple = f"{PATH}/{shop.products[0]}"
    units = ask(shop.owner, "PUT", f"{apple}/units", json={"units": [{"code": "case", "factor": "6"}]}).json()
    assert units["units"][0]["unit_price"] == "6.0000"
    kit = ask(shop.owner, "PUT", f"{PATH}/{shop.products[2]}/kit", json={"components": [{"sku": "A-1"}]}).json()
    assert kit["kind"] == "kit"
    where = {"outlet_id": str(shop.outlet_id), "product_id": str(shop.products[2])}
    assert ask(shop.cashier, "GET", "/api/v1/stock/kits", params=where).json()["available"] == 0
    edit = {"choice": {"skus": ["A-1"]}, "change": {"raise_percent": "10"}, "dry_run": True}
    assert ask(shop.owner, "POST", f"{PATH}/edit", json=edit).json()["changed"] == 1
    phone = {"sku": "PHONE", "name": "Phone", "unit_price": "99", "tracking": "serial"}
    phone_id = ask(shop.owner, "POST", PATH, json=phone).json()["id"]
    body = {"outlet_id": str(shop.outlet_id), "lines": [{"product_id": phone_id, "lot": "SN-1"}]}
    assert ask(shop.owner, "POST", "/api/v1/stock/lots", json=body).status_code == 200
    listed = ask(shop.cashier, "GET", "/api/v1/stock/lots", params={"product_id": phone_id}).json()["items"]
    assert [each["lot"] for each in listed] == ["SN-1"]
    ask(shop.owner, "POST", "/api/v1/stock/lots/write-off", json={**body, "reason": "broken"})
    steps = ask(shop.owner, "GET", "/api/v1/stock/lots/trace", params={"product_id": phone_id, "lot": "SN-1"})
    assert [each["kind"] for each in steps.json()["items"]] == ["receive", "adjust"]
    weighed = ask(shop.cashier, "GET", f"{PATH}/lookup", params={"code": "A-1", "gross": "1"})
    assert (weighed.status_code, weighed.json()["code"]) == (422, "NOTHING_WEIGHED")
