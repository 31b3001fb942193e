"""``primepos suppliers``: whom the shop buys from, and what they sell."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from primepos.cli.naming import Workplace, id_of
from primepos.cli.options import CsvFlag, EnvFileOption, JsonFlag, TenantOption, YesFlag, examples
from primepos.cli.output import confirm_destruction, emit, note
from primepos.core.paging import encode_cursor
from primepos.domain.purchasing.errors import SupplierNotFound
from primepos.domain.purchasing.service import (
    archive_supplier,
    create_supplier,
    get_supplier,
    list_supplier_items,
    list_suppliers,
    remove_supplier_item,
    set_supplier_item,
    unarchive_supplier,
    update_supplier,
)

Supplier = Annotated[str, typer.Argument(metavar="SUPPLIER", help="The supplier's code or id.")]
Product = Annotated[str, typer.Argument(metavar="SKU", help="The product's SKU or id.")]
Limit = Annotated[int, typer.Option(min=1, max=200, help="At most this many.")]
After = Annotated[str | None, typer.Option(metavar="MARK", help="Go on after the page that named this.")]
Email = Annotated[str | None, typer.Option(metavar="ADDRESS", help="Where orders go.")]
Phone = Annotated[str | None, typer.Option(metavar="NUMBER", help="Whom to call.")]
LeadDays = Annotated[int | None, typer.Option(min=0, max=3650, help="Days that a delivery takes.")]
Text = Annotated[str | None, typer.Option("--note", metavar="TEXT", help="A note.")]
_ROW = ("code", "name", "email", "phone", "lead_days", "archived_at")
_ITEM = ("supplier", "sku", "name", "supplier_sku", "pack_size", "cost", "lead_days")

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, add_completion=False, help="Manage suppliers and what they sell."
)


@app.command(
    epilog=examples("primepos suppliers create dairy --name 'Hill Dairy' --email orders@hill.example --lead-days 2")
)
def create(
    code: Annotated[str, typer.Argument(metavar="CODE", help="Short, stays for good.")],
    *,
    name: Annotated[str, typer.Option(metavar="TEXT", help="What the supplier is called.")],
    email: Email = None,
    phone: Phone = None,
    text: Text = None,
    lead_days: LeadDays = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Add a supplier."""
    data = {"code": code, "name": name, **_given(email=email, phone=phone, note=text, lead_days=lead_days)}
    emit(Workplace(tenant, env_file).run(create_supplier, data), as_json=as_json)


@app.command(epilog=examples("primepos suppliers update dairy --lead-days 3"))
def update(
    supplier: Supplier,
    *,
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="What the supplier is called.")] = None,
    email: Email = None,
    phone: Phone = None,
    text: Text = None,
    lead_days: LeadDays = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Change a supplier; what is left out stays."""
    place = Workplace(tenant, env_file)
    changes = _given(name=name, email=email, phone=phone, note=text, lead_days=lead_days)
    emit(place.run(update_supplier, {"id": find_supplier(place, supplier), **changes}), as_json=as_json)


@app.command(name="list", epilog=examples("primepos suppliers list", "primepos suppliers list --archived --json"))
def list_(
    *,
    archived: Annotated[bool, typer.Option("--archived", help="The archived ones instead.")] = False,
    limit: Limit = 50,
    after: After = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
    as_csv: CsvFlag = False,
) -> None:
    """List suppliers by code."""
    asked = {"archived": archived, "limit": limit, "after": after}
    _print(Workplace(tenant, env_file).run(list_suppliers, asked), _ROW, as_json=as_json, as_csv=as_csv)


@app.command(epilog=examples("primepos suppliers show dairy"))
def show(
    supplier: Supplier, *, tenant: TenantOption = None, env_file: EnvFileOption = None, as_json: JsonFlag = False
) -> None:
    """Show a supplier."""
    place = Workplace(tenant, env_file)
    emit(place.run(get_supplier, {"id": find_supplier(place, supplier)}), as_json=as_json)


@app.command(epilog=examples("primepos suppliers archive dairy --yes"))
def archive(
    supplier: Supplier,
    *,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Take a supplier out of use; orders that are going go on."""
    place = Workplace(tenant, env_file)
    found = find_supplier(place, supplier)
    confirm_destruction(f"Nothing more will be ordered from {supplier!r}.", yes)
    emit(place.run(archive_supplier, {"id": found}), as_json=as_json)


@app.command(epilog=examples("primepos suppliers unarchive dairy"))
def unarchive(
    supplier: Supplier, *, tenant: TenantOption = None, env_file: EnvFileOption = None, as_json: JsonFlag = False
) -> None:
    """Take an archived supplier into use again."""
    place = Workplace(tenant, env_file)
    emit(place.run(unarchive_supplier, {"id": find_supplier(place, supplier)}), as_json=as_json)


@app.command(
    epilog=examples(
        "primepos suppliers item dairy MILK-1 --cost 9.60 --pack 12 --their-sku 4711",
        "primepos suppliers item dairy CHEESE --cost 11.40",
    )
)
def item(
    supplier: Supplier,
    product: Product,
    *,
    cost: Annotated[str, typer.Option(metavar="PRICE", help="What one pack costs.")],
    pack: Annotated[str, typer.Option(metavar="N", help="Units in a pack.")] = "1",
    their_sku: Annotated[str, typer.Option(metavar="TEXT", help="The supplier's own number.")] = "",
    lead_days: LeadDays = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say how a supplier sells a product."""
    place = Workplace(tenant, env_file)
    data = {
        "supplier_id": find_supplier(place, supplier),
        "product_id": place.product(product).id,
        "supplier_sku": their_sku,
        "pack_size": pack,
        "cost": cost,
        "lead_days": lead_days,
    }
    emit(place.run(set_supplier_item, data), as_json=as_json, columns=None if as_json else _ITEM)


@app.command(epilog=examples("primepos suppliers remove-item dairy MILK-1 --yes"))
def remove_item(
    supplier: Supplier,
    product: Product,
    *,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Take a product off a supplier's list."""
    place = Workplace(tenant, env_file)
    data = {"supplier_id": find_supplier(place, supplier), "product_id": place.product(product).id}
    confirm_destruction(f"{supplier!r} will not be known to sell {product!r}.", yes)
    emit(place.run(remove_supplier_item, data), as_json=as_json)


@app.command(epilog=examples("primepos suppliers items --supplier dairy", "primepos suppliers items --product MILK-1"))
def items(
    *,
    supplier: Annotated[str | None, typer.Option(metavar="SUPPLIER", help="What this one sells.")] = None,
    product: Annotated[str | None, typer.Option(metavar="SKU", help="Who sells this.")] = None,
    limit: Limit = 50,
    after: After = None,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
    as_csv: CsvFlag = False,
) -> None:
    """List what suppliers sell, and for how much."""
    place = Workplace(tenant, env_file)
    asked = {
        "supplier_id": None if supplier is None else find_supplier(place, supplier),
        "product_id": None if product is None else place.product(product).id,
        "limit": limit,
        "after": after,
    }
    _print(place.run(list_supplier_items, asked), _ITEM, as_json=as_json, as_csv=as_csv)


def find_supplier(place: Workplace, text: str) -> Any:
    """Return the id of the supplier with this code or id, archived or not. Raises ``SUPPLIER_NOT_FOUND``."""
    given = id_of(text)
    if given is not None:
        return given
    # The page after the code less its last letter begins at or before it; a code is short, so pages are few.
    for archived in (False, True):
        after: str | None = encode_cursor(text[:-1]) if text else None
        while True:
            page = place.run(list_suppliers, {"archived": archived, "after": after, "limit": 200})
            for each in page.items:
                if each.code == text:
                    return each.id
            after = page.next
            if after is None or page.items[-1].code > text:
                break
    raise SupplierNotFound(hint="`primepos suppliers list` shows the codes.")


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _print(page: Any, columns: tuple[str, ...], *, as_json: bool, as_csv: bool) -> None:
    if as_json:
        emit(page, as_json=True)
        return
    emit(page.items, as_json=False, as_csv=as_csv, columns=columns)
    if page.next:
        note(f"There are more: --after {page.next}")
