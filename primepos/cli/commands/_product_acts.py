"""The acts of ``primepos products`` on variants, units, kits, pictures and many products at once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from primepos.cli.naming import Workplace
from primepos.cli.options import EnvFileOption, JsonFlag, TenantOption, YesFlag, examples
from primepos.cli.output import confirm_destruction, emit, note
from primepos.core.errors import InvalidInput
from primepos.domain.catalog.image_schemas import MOST_BYTES
from primepos.domain.catalog.service import (
    create_variants,
    edit_products,
    get_image,
    list_variants,
    look_up_code,
    remove_image,
    set_image,
    set_kit,
    set_units,
)

SkuArgument = Annotated[str, typer.Argument(metavar="SKU", help="The product's SKU or id.")]

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(
    epilog=examples(
        "primepos products variants SHIRT --option size=S,M,L --option colour=red,blue",
        "primepos products variants SHIRT",
        "primepos products variants SHIRT --option size=S,M --only S=19.90:4006381333931 --json",
    )
)
def variants(
    sku: SkuArgument,
    *,
    options: Annotated[
        list[str] | None, typer.Option("--option", metavar="NAME=VALUE,...", help="What variants differ in; in order.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="VALUE/...[=PRICE[:BARCODE]]", help="This variant, instead of every combination."),
    ] = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show a product's variants, or make them: every combination of the options, or those named."""
    place = Workplace(tenant, env_file)
    product = place.product(sku)
    if options:
        data = {
            "product_id": product.id,
            "options": [_option(text) for text in options],
            "variants": [_variant(text) for text in only or []],
        }
        found = place.run(create_variants, data)
        note(f"{found.created} made")
    else:
        found = place.run(list_variants, {"id": product.id})
    if as_json:
        emit(found, as_json=True)
        return
    emit(found.variants, as_json=False, columns=("sku", "name", "unit_price", "option_values", "barcodes"))


def _option(text: str) -> dict[str, Any]:
    name, equals, values = text.partition("=")
    if not equals or not values:
        raise InvalidInput(f"--option: write {text!r} as NAME=VALUE,VALUE")
    return {"name": name, "values": [each.strip() for each in values.split(",")]}


def _variant(text: str) -> dict[str, Any]:
    values, _, rest = text.partition("=")
    price, _, barcode = rest.partition(":")
    return {
        "values": [each.strip() for each in values.split("/")],
        "unit_price": price or None,
        "barcodes": [barcode] if barcode else [],
    }


@app.command(
    epilog=examples(
        "primepos products units COLA --set six-pack=6@4.99 --set case=24",
        "primepos products units COLA",
        "primepos products units COLA --clear --yes --json",
    )
)
def units(
    sku: SkuArgument,
    *,
    given: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="CODE=FACTOR[@PRICE]", help="A unit of FACTOR pieces; others are taken off."),
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Take every unit off.")] = False,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show the units a product is sold by beside its own, or give it exactly those that are named."""
    place = Workplace(tenant, env_file)
    product = place.product(sku)
    if clear and given:
        raise InvalidInput("Give either --set or --clear")
    if given or clear:
        wanted = [_unit(text) for text in given or []]
        lost = {each.code for each in product.units} - {each["code"] for each in wanted}
        if lost:
            confirm_destruction(f"{product.name!r} will not be sold by {', '.join(sorted(lost))} any more.", yes)
        product = place.run(set_units, {"product_id": product.id, "units": wanted})
    emit(product.units, as_json=as_json, columns=("code", "factor", "unit_price", "has_own_price"))


def _unit(text: str) -> dict[str, Any]:
    code, equals, rest = text.partition("=")
    factor, _, price = rest.partition("@")
    if not equals or not factor:
        raise InvalidInput(f"--set: write {text!r} as CODE=FACTOR or CODE=FACTOR@PRICE")
    return {"code": code, "factor": factor, "unit_price": price or None}


@app.command(
    epilog=examples(
        "primepos products kit BREAKFAST --of COFFEE --of 'ROLL:2' --of BUTTER:0.02",
        "primepos products kit BREAKFAST --of COFFEE --of ROLL:2 --price sum",
        "primepos products kit BREAKFAST --clear --yes --json",
    )
)
def kit(
    sku: SkuArgument,
    *,
    parts: Annotated[
        list[str] | None, typer.Option("--of", metavar="SKU[:QUANTITY]", help="A component; may be given again.")
    ] = None,
    price: Annotated[Literal["own", "sum"], typer.Option(help="A price of its own, or that of its parts.")] = "own",
    clear: Annotated[bool, typer.Option("--clear", help="Make it an ordinary product again.")] = False,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show what a kit is made of, or say it: its components leave the stock when it is sold."""
    place = Workplace(tenant, env_file)
    product = place.product(sku)
    if clear and parts:
        raise InvalidInput("Give either --of or --clear")
    if clear:
        confirm_destruction(f"{product.name!r} will not be made of anything any more.", yes)
    if parts or clear:
        data = {"product_id": product.id, "components": [_part(text) for text in parts or []], "price": price}
        product = place.run(set_kit, data)
    emit(product.components, as_json=as_json, columns=("sku", "name", "quantity"))


def _part(text: str) -> dict[str, Any]:
    sku, _, quantity = text.rpartition(":")
    return {"sku": sku or quantity, "quantity": quantity if sku else "1"}


@app.command(epilog=examples("primepos products weigh APPLES 1.250", "primepos products weigh APPLES 1.250 --json"))
def weigh(
    code: Annotated[str, typer.Argument(metavar="CODE", help="SKU or barcode.")],
    gross: Annotated[str, typer.Argument(metavar="KG", help="What the scale shows, packing included.")],
    *,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say how much of weighed goods is sold at what the scale shows: less the tare."""
    found = Workplace(tenant, env_file).run(look_up_code, {"code": code, "gross": gross})
    if as_json:
        emit(found, as_json=True)
        return
    shown = {"sku": found.product.sku, "name": found.product.name, "kg": found.quantity, "price": found.unit_price}
    emit({**shown, "tare": found.product.tare}, as_json=False)


@app.command(
    epilog=examples(
        "primepos products image MILK-1 milk.jpg",
        "primepos products image MILK-1 --save milk.webp",
        "primepos products image MILK-1 --remove --yes",
    )
)
def image(
    sku: SkuArgument,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="PNG, JPEG or WebP.")
    ] = None,
    *,
    save: Annotated[Path | None, typer.Option(metavar="FILE", dir_okay=False, help="Write the picture here.")] = None,
    small: Annotated[bool, typer.Option("--small", help="Save the thumbnail instead.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Take the picture away.")] = False,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Give a product a picture, save it to a file, or take it away."""
    place = Workplace(tenant, env_file)
    product = place.product(sku)
    if sum((file is not None, save is not None, remove)) > 1:
        raise InvalidInput("Give a FILE, --save or --remove")
    if remove:
        confirm_destruction(f"{product.name!r} will have no picture.", yes)
        product = place.run(remove_image, {"id": product.id})
    elif file is not None:
        if file.stat().st_size > MOST_BYTES:
            raise InvalidInput(f"{file}: more than {MOST_BYTES} bytes")
        product = place.run(set_image, {"product_id": product.id, "content": file.read_bytes()})
    elif save is not None:
        found = place.run(get_image, {"id": product.id, "size": "thumbnail" if small else "full"})
        save.write_bytes(found.content)
        note(f"{save}: {len(found.content)} bytes")
        return
    emit(product.image or {}, as_json=as_json)


@app.command(
    epilog=examples(
        "primepos products edit --category Fruit --raise 5 --ending 0.99",
        "primepos products edit --category Fruit --raise 5 --ending 0.99 --yes",
        "primepos products edit --sku A-1 --sku B-2 --set-category Deals --yes --json",
    )
)
def edit(
    *,
    skus: Annotated[
        list[str] | None, typer.Option("--sku", metavar="SKU", help="This one; may be given again.")
    ] = None,
    category: Annotated[str | None, typer.Option(metavar="NAME", help="Those of this category.")] = None,
    tax_class: Annotated[str | None, typer.Option(metavar="CODE", help="Those of this tax class.")] = None,
    parent: Annotated[str | None, typer.Option(metavar="SKU", help="The variants of this parent.")] = None,
    prefix: Annotated[str | None, typer.Option(metavar="TEXT", help="Those whose SKU begins so.")] = None,
    price_from: Annotated[str | None, typer.Option(metavar="AMOUNT", help="Those that cost this or more.")] = None,
    price_to: Annotated[str | None, typer.Option(metavar="AMOUNT", help="Those that cost this or less.")] = None,
    archived: Annotated[bool, typer.Option("--archived", help="The archived ones instead.")] = False,
    everything: Annotated[bool, typer.Option("--everything", help="All of them.")] = False,
    price: Annotated[str | None, typer.Option(metavar="AMOUNT", help="Set the price.")] = None,
    raise_percent: Annotated[
        str | None, typer.Option("--raise", metavar="PERCENT", help="Raise the price; lower it by one below zero.")
    ] = None,
    ending: Annotated[str | None, typer.Option(metavar="AMOUNT", help="Let prices end so, as 0.99.")] = None,
    set_category: Annotated[str | None, typer.Option(metavar="NAME", help="Put them into this category.")] = None,
    no_category: Annotated[bool, typer.Option("--no-category", help="Take them out of their category.")] = False,
    set_tax_class: Annotated[str | None, typer.Option(metavar="CODE", help="Give them this tax class.")] = None,
    minimum_age: Annotated[int | None, typer.Option(min=1, max=99, help="Sell them from this age on.")] = None,
    archive: Annotated[bool, typer.Option("--archive", help="Take them off sale.")] = False,
    unarchive: Annotated[bool, typer.Option("--unarchive", help="Put them on sale again.")] = False,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Change many products at once; shows what would change, and changes it with --yes."""
    place = Workplace(tenant, env_file)
    choice = {
        "skus": skus or [],
        "category": category,
        "tax_class": tax_class,
        "parent": parent,
        "sku_prefix": prefix,
        "price_from": price_from,
        "price_to": price_to,
        "archived": archived,
        "everything": everything,
    }
    change = {
        "unit_price": price,
        "raise_percent": raise_percent,
        "ending": ending,
        "category": set_category,
        "no_category": no_category,
        "tax_class": set_tax_class,
        "minimum_age": minimum_age,
        "archive": archive,
        "unarchive": unarchive,
    }
    asked = {"choice": choice, "change": change}
    done = place.run(edit_products, {**asked, "dry_run": True})
    if yes and done.changed:
        # What was looked at is what is changed, or nothing.
        done = place.run(edit_products, {**asked, "version": done.version})
    if as_json:
        emit(done, as_json=True)
        return
    rows = [
        {"sku": each.sku, "name": each.name, "field": name, "before": before, "after": after}
        for each in done.items
        for name, (before, after) in each.changes.items()
    ]
    emit(rows, as_json=False, columns=("sku", "name", "field", "before", "after"))
    verb = "would change; add --yes to change them" if done.dry_run else "changed"
    note(f"{done.changed} of {done.chosen} products {verb}")
