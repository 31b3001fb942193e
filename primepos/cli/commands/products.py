"""``primepos products``: products, their barcodes and prices."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import typer

from primepos.cli.commands import _product_acts
from primepos.cli.commands._product_acts import SkuArgument
from primepos.cli.naming import Workplace
from primepos.cli.options import CsvFlag, EnvFileOption, JsonFlag, TenantOption, YesFlag, examples
from primepos.cli.output import confirm_destruction, emit, note
from primepos.core.errors import InvalidInput
from primepos.domain.catalog.errors import CategoryNotFound, TaxClassNotFound
from primepos.domain.catalog.service import (
    archive_product,
    create_product,
    list_categories,
    list_products,
    list_tax_classes,
    search_products,
    set_barcodes,
    unarchive_product,
    update_product,
)
from primepos.pricing.check_digits import classify

PriceHelp = "Unit price in the tenant's currency, up to four places, as 2.50."
TrackingHelp = "Whether each piece or lot is told apart."
UnitOption = Annotated[
    str | None, typer.Option(metavar="UNIT", help="What price and stock count; piece, or kg by weight.")
]
ContentOption = Annotated[
    str | None, typer.Option(metavar="AMOUNT:UNIT", help="What is in one, for the price per litre or kilogram: 0.75:l.")
]
TareOption = Annotated[str | None, typer.Option(metavar="KG", help="What the packing weighs.")]
AgeOption = Annotated[int | None, typer.Option(min=1, max=99, help="Sold from this age on.")]
_COLUMNS = ("sku", "name", "unit_price", "tax_class", "category", "sold_by")

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, add_completion=False, help="Manage products, barcodes and prices."
)


@app.command(
    epilog=examples(
        "primepos products create MILK-1 --name 'Milk 1 l' --price 1.19 --tax-class reduced --barcode 4006381333931",
        "primepos products create APPLES --name Apples --price 2.99 --sold-by weight --category Fruit --json",
    )
)
def create(
    sku: Annotated[str, typer.Argument(metavar="SKU", help="Kept to the letter.")],
    *,
    name: Annotated[str, typer.Option(metavar="TEXT", help="What stands on the receipt.")],
    price: Annotated[str, typer.Option(metavar="AMOUNT", help=PriceHelp)],
    tax_class: Annotated[str | None, typer.Option(metavar="CODE", help="The standard one if left out.")] = None,
    category: Annotated[str | None, typer.Option(metavar="NAME", help="A category that exists.")] = None,
    barcode: Annotated[
        list[str] | None, typer.Option(metavar="CODE[*N]", help="A code of N pieces; may be given again.")
    ] = None,
    sold_by: Annotated[Literal["each", "weight"], typer.Option(help="By the piece or by weight.")] = "each",
    track_stock: Annotated[bool, typer.Option("--stock/--no-stock", help="Whether stock is counted.")] = True,
    unit: UnitOption = None,
    content: ContentOption = None,
    tare: TareOption = None,
    tracking: Annotated[Literal["none", "lot", "serial"], typer.Option(help=TrackingHelp)] = "none",
    minimum_age: AgeOption = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Add a product."""
    data = {
        "sku": sku,
        "name": name,
        "unit_price": price,
        "tax_class": tax_class,
        "category": category,
        "barcodes": [_barcode(text) for text in barcode or []],
        "sold_by": sold_by,
        "track_stock": track_stock,
        "unit": unit,
        "tare": tare,
        "tracking": tracking,
        "minimum_age": minimum_age,
        **_content(content),
    }
    emit(Workplace(tenant, env_file).run(create_product, data), as_json=as_json)


@app.command(
    name="list",
    epilog=examples(
        "primepos products list --order name --limit 100",
        "primepos products list --category Fruit --csv > fruit.csv",
        "primepos products list --archived --json",
    ),
)
def list_(
    *,
    order: Annotated[Literal["sku", "name"], typer.Option(help="What to sort by.")] = "sku",
    category: Annotated[str | None, typer.Option(metavar="NAME", help="Only this category.")] = None,
    archived: Annotated[bool, typer.Option("--archived", help="The archived ones instead.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most this many.")] = 50,
    after: Annotated[str | None, typer.Option(metavar="MARK", help="Go on after the page that named this.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every page.")] = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
    as_csv: CsvFlag = False,
) -> None:
    """List the products on sale, a page at a time."""
    place = Workplace(tenant, env_file)
    category_id = None if category is None else _category_id(place, category)
    asked = {"order": order, "category_id": category_id, "archived": archived, "limit": 200 if every else limit}
    items: list[Any] = []
    while True:
        page = place.run(list_products, {**asked, "after": after})
        items += page.items
        after = page.next
        if after is None or not every:
            break
    if as_json:
        emit({"items": items, "next": after}, as_json=True)
        return
    emit(items, as_json=False, as_csv=as_csv, columns=_COLUMNS)
    if after:
        note(f"There are more: --after {after}, or --all")


@app.command(epilog=examples("primepos products show MILK-1", "primepos products show MILK-1 --json | jq .barcodes"))
def show(
    sku: SkuArgument, *, tenant: TenantOption = None, env_file: EnvFileOption = None, as_json: JsonFlag = False
) -> None:
    """Show one product, archived or not."""
    _show(Workplace(tenant, env_file).product(sku), as_json=as_json)


@app.command(
    epilog=examples(
        "primepos products update MILK-1 --price 1.29",
        "primepos products update MILK-1 --name 'Fresh milk 1 l' --tax-class reduced --no-category --json",
    )
)
def update(
    sku: SkuArgument,
    *,
    new_sku: Annotated[str | None, typer.Option("--sku", metavar="SKU", help="Another SKU.")] = None,
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="Another name.")] = None,
    price: Annotated[str | None, typer.Option(metavar="AMOUNT", help=PriceHelp)] = None,
    tax_class: Annotated[str | None, typer.Option(metavar="CODE", help="Another tax class.")] = None,
    category: Annotated[str | None, typer.Option(metavar="NAME", help="Another category.")] = None,
    no_category: Annotated[bool, typer.Option("--no-category", help="Take it out of its category.")] = False,
    sold_by: Annotated[Literal["each", "weight"] | None, typer.Option(help="By the piece or by weight.")] = None,
    track_stock: Annotated[bool | None, typer.Option("--stock/--no-stock", help="Whether stock is counted.")] = None,
    unit: UnitOption = None,
    content: ContentOption = None,
    tare: TareOption = None,
    tracking: Annotated[Literal["none", "lot", "serial"] | None, typer.Option(help=TrackingHelp)] = None,
    minimum_age: AgeOption = None,
    no_age: Annotated[bool, typer.Option("--no-age", help="Sell it to anybody.")] = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Change a product; what is not given stays. A new price is remembered with who set it."""
    place = Workplace(tenant, env_file)
    product = place.product(sku)
    given = {
        "sku": new_sku,
        "name": name,
        "unit_price": price,
        "tax_class_id": None if tax_class is None else _tax_class_id(place, tax_class),
        "category_id": None if category is None else _category_id(place, category),
        "sold_by": sold_by,
        "track_stock": track_stock,
        "unit": unit,
        "tare": tare,
        "tracking": tracking,
        "minimum_age": minimum_age,
        **_content(content),
    }
    changes = {field: value for field, value in given.items() if value is not None}
    if no_category:
        changes["category_id"] = None
    if no_age:
        changes["minimum_age"] = None
    _show(place.run(update_product, {"id": product.id, "version": product.version, **changes}), as_json=as_json)


@app.command(epilog=examples("primepos products archive MILK-1 --yes"))
def archive(
    sku: SkuArgument,
    *,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Take a product off sale; it keeps SKU and barcodes, and past sales keep it."""
    place = Workplace(tenant, env_file)
    product = place.product(sku)
    confirm_destruction(f"{product.name!r} will not be sold any more.", yes)
    _show(place.run(archive_product, {"id": product.id}), as_json=as_json)


@app.command(epilog=examples("primepos products unarchive MILK-1"))
def unarchive(
    sku: SkuArgument, *, tenant: TenantOption = None, env_file: EnvFileOption = None, as_json: JsonFlag = False
) -> None:
    """Put an archived product on sale again."""
    place = Workplace(tenant, env_file)
    _show(place.run(unarchive_product, {"id": place.product(sku).id}), as_json=as_json)


@app.command(epilog=examples("primepos products search 'fresh mi'", "primepos products search 4006381333931 --json"))
def search(
    query: Annotated[str, typer.Argument(metavar="TEXT", help="Pieces of words, a SKU or a barcode.")],
    *,
    limit: Annotated[int, typer.Option(min=1, max=200, help="At most this many.")] = 20,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Find products on sale, best first."""
    found = Workplace(tenant, env_file).run(search_products, {"query": query, "limit": limit})
    emit(found.items, as_json=as_json, columns=("sku", "name", "unit_price"))


@app.command(
    epilog=examples(
        "primepos products barcodes MILK-1",
        "primepos products barcodes MILK-1 --set 4006381333931 --set '4006381333948*6'",
        "primepos products barcodes MILK-1 --clear --yes --json",
    )
)
def barcodes(
    sku: SkuArgument,
    *,
    codes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="CODE[*N]", help="A code of N pieces; may be given again, others are taken off."),
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Take every code off.")] = False,
    allow_invalid: Annotated[
        bool, typer.Option("--allow-invalid", help="Take codes that look like a GTIN with a wrong check digit.")
    ] = False,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show a product's barcodes, or give it exactly those that are named."""
    place = Workplace(tenant, env_file)
    product = place.product(sku)
    if clear and codes:
        raise InvalidInput("Give either --set or --clear")
    if codes or clear:
        wanted = [_barcode(text) for text in codes or []]
        kept = {form for each in wanted for form in (each["code"], classify(each["code"]).canonical)}
        lost = {each.code for each in product.barcodes} - kept
        if lost:
            confirm_destruction(f"{', '.join(sorted(lost))} will not be found any more.", yes)
        data = {"product_id": product.id, "barcodes": wanted, "allow_invalid": allow_invalid}
        product = place.run(set_barcodes, data)
    emit(product.barcodes, as_json=as_json, columns=("code", "quantity"))


def _content(text: str | None) -> dict[str, str | None]:
    """Read ``0.75:l``."""
    if text is None:
        return {"content_quantity": None, "content_unit": None}
    quantity, _, unit = text.partition(":")
    return {"content_quantity": quantity, "content_unit": unit or "piece"}


def _barcode(text: str) -> dict[str, str]:
    """Read ``CODE`` or ``CODE*N``."""
    code, _, quantity = text.partition("*")
    return {"code": code, "quantity": quantity or "1"}


def _category_id(place: Workplace, name: str) -> Any:
    for each in place.run(list_categories).items:
        if each.name == name:
            return each.id
    raise CategoryNotFound(category=name)


def _tax_class_id(place: Workplace, code: str) -> Any:
    for each in place.run(list_tax_classes).items:
        if each.code == code:
            return each.id
    raise TaxClassNotFound(tax_class=code)


def _show(product: Any, *, as_json: bool) -> None:
    if as_json:
        emit(product, as_json=True)
        return
    codes = ", ".join(
        each.code if each.quantity == 1 else f"{each.code}*{each.quantity.normalize():f}" for each in product.barcodes
    )
    columns = (
        "sku", "name", "unit_price", "tax_class", "category", "kind", "sold_by", "unit", "track_stock", "tracking",
        "minimum_age", "archived_at", "id",
    )  # fmt: skip
    more = {
        "barcodes": codes,
        "units": ", ".join(f"{each.code} = {each.factor.normalize():f}" for each in product.units),
        "made of": ", ".join(f"{each.quantity.normalize():f} {each.sku}" for each in product.components),
        "variant of": f"{product.parent_sku}: {', '.join(product.option_values)}" if product.parent_sku else None,
        "picture": None if product.image is None else f"{product.image.width} x {product.image.height}",
    }
    said = {name: value for name, value in more.items() if value or name == "barcodes"}
    emit({**{name: getattr(product, name) for name in columns}, **said}, as_json=False)


# After the everyday ones, in the help too.
app.registered_commands += _product_acts.app.registered_commands
