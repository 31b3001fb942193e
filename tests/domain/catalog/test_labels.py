"""Labels: what is printed is scanned back by a reader that is not ours."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pypdfium2
import pytest
import zxingcpp

from primepos.core.errors import InvalidInput
from primepos.domain.catalog.errors import NothingToLabel, ProductNotFound, SheetNotFound, UnitNotFound
from primepos.domain.catalog.label_pdf import draw_labels
from primepos.domain.catalog.label_schemas import LabelOut
from primepos.domain.catalog.service import (
    archive_product,
    create_product,
    list_labels,
    list_sheets,
    print_labels,
    set_units,
)
from primepos.domain.catalog.sheets import SHEETS
from tests.conftest import NOON
from tests.factories import a_shop

# One of each kind: as it is stored, as it is printed, and what the reader calls it. A UPC-A is an EAN-13 to it.
CODES = [
    ("4006381333931", "EAN-13", ("4006381333931", "EAN-13")),
    ("96385074", "EAN-8", ("96385074", "EAN-8")),
    ("036000291452", "UPC-A", ("0036000291452", "EAN-13")),
    ("Sku-77/a", "Code 128", ("Sku-77/a", "Code 128")),
    ("14006381333938", "Code 128", ("14006381333938", "Code 128")),
]


def scanned(pdf, *, page=0, dpi=300):
    document = pypdfium2.PdfDocument(pdf)
    try:
        picture = document[page].render(scale=dpi / 72).to_pil()
    finally:
        document.close()
    return sorted((each.text, str(each.format)) for each in zxingcpp.read_barcodes(picture))


def pages_of(pdf):
    document = pypdfium2.PdfDocument(pdf)
    try:
        return [document[n].get_textpage().get_text_range() for n in range(len(document))]
    finally:
        document.close()


def label(shop, code, symbology, **more):
    fields = {
        "product_id": shop.products[0], "sku": "A-1", "name": "Żółta Müller-Milch naturtrüb 0,75 l", "unit": "piece",
        "price": Decimal("1.19"), "per_price": Decimal("1.59"), "per": "l", "code": code, "symbology": symbology,
        "copies": 1, **more,
    }  # fmt: skip
    return LabelOut(**fields)


def written(_label):
    return "1,19 €", "1,59 € / l"


@pytest.mark.parametrize("name", [name for name in SHEETS if not name.startswith("roll")])
def test_every_symbology_on_every_sheet_is_read_back_by_another_reader(shop, name):
    items = [label(shop, code, symbology) for code, symbology, _ in CODES]
    pdf, pages, without = draw_labels(SHEETS[name], items, written)
    assert (pages, without) == (1, [])
    assert scanned(pdf) == sorted(read for _, _, read in CODES)


@pytest.mark.parametrize("name", [name for name in SHEETS if name.startswith("roll")])
def test_a_label_printer_gets_a_page_a_label(shop, name):
    items = [label(shop, code, symbology) for code, symbology, _ in CODES]
    pdf, pages, _ = draw_labels(SHEETS[name], items, written)
    assert pages == 5
    assert [scanned(pdf, page=n) for n in range(5)] == [[read] for _, _, read in CODES]


def test_a_code_that_has_no_room_is_told_and_its_sku_printed(shop):
    long = label(shop, "X" * 48, "Code 128", sku="LONG")
    pdf, _, without = draw_labels(SHEETS["L4732"], [long], written)
    assert (without, scanned(pdf)) == (["LONG"], [])
    assert "LONG" in pages_of(pdf)[0]


def test_labels_lie_within_the_paper_and_do_not_overlap():
    for sheet in SHEETS.values():
        places = [sheet.place(n) for n in range(sheet.count)]
        assert len(set(places)) == sheet.count
        for left, top in places:
            assert left >= 0
            assert top >= 0
            assert left + sheet.width <= sheet.paper[0]
            assert top + sheet.height <= sheet.paper[1]
        assert sheet.gap[0] >= 0


def ask(app, shop, *items, **more):
    data = {"items": [each if isinstance(each, dict) else {"sku": each} for each in items], **more}
    return app.run(list_labels, shop.cashier, data).items


def test_a_label_says_what_a_litre_costs_and_what_the_customer_pays(app, shop):
    made = [
        {"sku": "MILK", "unit_price": "1.19", "content_quantity": "750", "content_unit": "ml"},
        {"sku": "HAM", "unit_price": "19.90", "sold_by": "weight"},
        {"sku": "PEN", "unit_price": "0.99"},
    ]
    for each in made:
        app.run(create_product, shop.owner, {"name": each["sku"], **each})
    found = {each.sku: each for each in ask(app, shop, "MILK", "HAM", "PEN", "B-2")}
    assert {sku: (each.price, each.per_price, each.per) for sku, each in found.items()} == {
        "MILK": (Decimal("1.19"), Decimal("1.59"), "l"),
        "HAM": (Decimal("19.90"), Decimal("19.90"), "kg"),
        "PEN": (Decimal("0.99"), None, None),
        "B-2": (Decimal("2.50"), None, None),
    }
    assert [(found[sku].code, found[sku].symbology) for sku in ("B-2", "PEN")] == [
        ("4006381333931", "EAN-13"),
        ("PEN", "Code 128"),
    ]


def test_where_taxes_come_on_top_the_label_says_what_is_paid(app):
    shop = a_shop(app, included=False)
    assert ask(app, shop, "A-1")[0].price == Decimal("1.19")
    assert ask(app, shop, "A-1", with_tax=False)[0].price == Decimal("1.0000")


def test_a_pack_has_a_label_of_its_own(app, shop):
    cola = {"sku": "COLA", "name": "Cola", "unit_price": "1.00", "content_quantity": "0.5", "content_unit": "l"}
    codes = [{"code": "4006381333948", "quantity": "6"}, {"code": "96385074"}]
    made = app.run(create_product, shop.owner, {**cola, "barcodes": codes})
    units = [{"code": "six-pack", "name": "six-pack", "factor": "6", "unit_price": "4.99"}]
    app.run(set_units, shop.owner, {"product_id": made.id, "units": units})
    pack, single = ask(app, shop, {"sku": "COLA", "unit": "six-pack"}, "COLA")
    assert (pack.name, pack.price, pack.per_price, pack.code) == (
        "Cola, six-pack",
        Decimal("4.99"),
        Decimal("1.66"),
        "4006381333948",
    )
    assert (single.per_price, single.code, single.symbology) == (Decimal("2.00"), "96385074", "EAN-8")
    with pytest.raises(UnitNotFound):
        ask(app, shop, {"sku": "COLA", "unit": "pallet"})


def test_labels_of_what_became_dearer_since_then(app, shop):
    gone = app.run(create_product, shop.owner, {"sku": "OLD", "name": "Old", "unit_price": "1"})
    app.run(create_product, shop.owner, {"sku": "NEW", "name": "New", "unit_price": "1"})
    app.run(archive_product, shop.owner, {"id": gone.id})
    # The history of prices is written by the database's own clock.
    assert [each.sku for each in ask(app, shop, prices_since=NOON - timedelta(days=1))] == ["NEW"]
    with pytest.raises(NothingToLabel):
        ask(app, shop, prices_since=NOON + timedelta(days=36500))


def draw(app, shop, *skus, **more):
    return app.run(print_labels, shop.cashier, {"items": [{"sku": each} for each in skus], **more})


def test_a_sheet_begins_where_the_last_one_ended_and_goes_on_overleaf(app, shop):
    done = draw(app, shop, "A-1", "B-2", copies=3, start=20, sheet="l7160", locale="de_DE")
    assert (done.labels, done.pages, done.media_type, done.without_code) == (6, 2, "application/pdf", [])
    assert done.name == "labels-2026-03-02.pdf"
    assert [len(scanned(done.content, page=n)) for n in range(2)] == [2, 4]
    assert "2,50\xa0€" in pages_of(done.content)[1] or "2,50 €" in pages_of(done.content)[1]


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"sheet": "L0000"}, SheetNotFound),
        ({"start": 22}, InvalidInput),
        ({"locale": "xx_XX"}, InvalidInput),
        ({"items": [{"sku": "NONE"}]}, ProductNotFound),
        ({"items": []}, NothingToLabel),
        ({"items": [{"sku": "A-1", "copies": 1000}], "copies": 6}, InvalidInput),
        ({"items": [{}]}, InvalidInput),
    ],
)
def test_what_cannot_be_printed_is_refused(app, shop, more, error):
    with pytest.raises(error):
        app.run(print_labels, shop.cashier, {"items": [{"sku": "A-1"}], **more})


def test_the_sheets_are_listed(app, shop):
    found = {each.name: (each.labels, each.width) for each in app.run(list_sheets, shop.cashier, {}).items}
    assert (found["L7160"], found["5160"]) == ((21, Decimal("63.5")), (30, Decimal("66.675")))
