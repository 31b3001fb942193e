"""Operations on variants, units and kits."""

from __future__ import annotations

import itertools
import re
import unicodedata
from uuid import UUID

from primepos.core.context import Context
from primepos.core.errors import PermissionDenied
from primepos.core.operations import operation
from primepos.core.permissions import Permission
from primepos.domain.catalog.errors import (
    BadCheckDigit,
    BadComponent,
    BarcodeTaken,
    DuplicateSku,
    DuplicateVariant,
    NotAKit,
    NotAParent,
    OptionsInUse,
    ProductNotFound,
    RepeatedBarcode,
    RepeatedUnit,
    TooManyVariants,
)
from primepos.domain.catalog.queries import bulk, makeup, products, variants
from primepos.domain.catalog.schemas import BarcodeIn, NameProduct, OptionOut, ProductOut
from primepos.domain.catalog.variant_schemas import (
    MOST_VARIANTS,
    CreateVariants,
    NewVariant,
    SetKit,
    SetUnits,
    UnitIn,
    VariantRow,
    Variants,
)

_NO_SKU = re.compile(r"[^A-Z0-9]+")


@operation(
    "catalog.create_variants",
    permission=Permission.PRODUCT_WRITE,
    raises=(
        ProductNotFound,
        NotAParent,
        OptionsInUse,
        TooManyVariants,
        DuplicateSku,
        DuplicateVariant,
        BadCheckDigit,
        RepeatedBarcode,
        BarcodeTaken,
    ),
)
def create_variants(ctx: Context, data: CreateVariants) -> Variants:
    """Make a product a parent with options such as size and colour, and make its variants: those named, or all.

    Each variant is a product of its own with SKU, barcodes, price and stock; it begins with what the parent says. The
    parent is not sold any more. Combinations that exist are left alone, so again makes nothing twice; options may get
    more values later. Raises: ``PRODUCT_NOT_FOUND``, ``NOT_A_PARENT`` (a kit, a variant, or a product that has
    barcodes, units or a past), ``OPTIONS_IN_USE``, ``TOO_MANY_VARIANTS``, ``DUPLICATE_SKU``, ``DUPLICATE_VARIANT``,
    ``BAD_CHECK_DIGIT``, ``REPEATED_BARCODE``, ``BARCODE_TAKEN``.
    """
    products.lock_catalogue(ctx)
    parent = products.get_product(ctx, data.product_id)
    _check_parent(ctx, parent)
    present = variants.list_variants(ctx, parent) if parent.kind == "parent" else []
    options = [OptionOut(name=each.name, values=each.values) for each in data.options]
    _check_options(parent, options, present)
    wanted = _wanted(parent, data, present)
    if len(present) + len(wanted) > MOST_VARIANTS:
        raise TooManyVariants(count=len(present) + len(wanted), most=MOST_VARIANTS)
    if options != parent.options:
        variants.set_options(ctx, parent.id, options)
    if parent.kind != "parent" or options != parent.options:
        products.change_product(ctx, parent, kind="parent")
    if wanted:
        variants.make_variants(ctx, parent, wanted)
    ctx.note(f"product {parent.sku}", id=str(parent.id), created=len(wanted), skus=[each.sku for each in wanted][:50])
    return _shown(ctx, data.product_id, len(wanted))


def _shown(ctx: Context, product_id: UUID, created: int = 0) -> Variants:
    parent = products.get_product(ctx, product_id)
    return Variants(
        parent=parent, options=parent.options, variants=variants.list_variants(ctx, parent), created=created
    )


def _check_parent(ctx: Context, product: ProductOut) -> None:
    problem = None
    if product.kind in {"variant", "kit"}:
        problem = f"it is a {product.kind}"
    elif product.kind == "simple":
        if product.barcodes or product.units:
            problem = "it has barcodes or units, which would then name nothing that is sold"
        elif makeup.kits_with(ctx, product.id):
            problem = "it is a component of a kit"
        elif variants.was_moved(ctx, product.id):
            problem = "it was sold or moved itself"
    if problem is not None:
        raise NotAParent(sku=product.sku, problem=problem)


def _check_options(parent: ProductOut, options: list[OptionOut], present: list[VariantRow]) -> None:
    """See that no variant loses what tells it from the others."""
    if not present:
        return
    if [each.name for each in options] != [each.name for each in parent.options]:
        raise OptionsInUse(sku=parent.sku, problem="their names and order stay")
    for place, option in enumerate(options):
        lost = {each.option_values[place] for each in present} - set(option.values)
        if lost:
            raise OptionsInUse(sku=parent.sku, problem=f"{option.name} {min(lost)} has variants")


def _wanted(parent: ProductOut, data: CreateVariants, present: list[VariantRow]) -> list[NewVariant]:
    """Return the variants to make, with a SKU each and codes as they are stored.

    Raises: ``OPTIONS_IN_USE`` for a value that no option has; ``DUPLICATE_VARIANT``, ``REPEATED_BARCODE``.
    """
    count = 1
    for option in data.options:
        count *= len(option.values)
    if count > MOST_VARIANTS and not data.variants:
        raise TooManyVariants(count=count, most=MOST_VARIANTS)
    combinations = itertools.product(*(each.values for each in data.options))
    given = data.variants or [NewVariant(values=list(values)) for values in combinations]
    there = {tuple(each.option_values) for each in present}
    made: set[tuple[str, ...]] = set()
    codes: set[str] = set()
    wanted = []
    for each in given:
        for value, option in zip(each.values, data.options, strict=True):
            if value not in option.values:
                raise OptionsInUse(sku=parent.sku, problem=f"{option.name} has no {value}")
        values = tuple(each.values)
        if values in there:
            continue
        if values in made:
            raise DuplicateVariant
        made.add(values)
        stored = list(
            products.checked_codes([BarcodeIn(code=code) for code in each.barcodes], allow_invalid=data.allow_invalid)
        )
        for code in stored:
            if code in codes:
                raise RepeatedBarcode(barcode=code)
        codes.update(stored)
        sku = each.sku or _sku(parent.sku, each.values)
        wanted.append(NewVariant(values=each.values, sku=sku, unit_price=each.unit_price, barcodes=stored))
    return wanted


def _sku(parent: str, values: list[str]) -> str:
    """Return a SKU for a variant: its parent's and the letters and digits of its values, ``TS-RED-M``.

    Values without any, as of other scripts, stand as they are.
    """
    parts = [parent]
    for value in values:
        plain = unicodedata.normalize("NFKD", value)
        bare = "".join(sign for sign in plain if not unicodedata.combining(sign)).upper()
        parts.append(_NO_SKU.sub("-", bare).strip("-") or value)
    return "-".join(parts)[:64]


@operation(
    "catalog.list_variants", permission=Permission.PRODUCT_READ, raises=(ProductNotFound, NotAParent), reads=True
)
def list_variants(ctx: Context, data: NameProduct) -> Variants:
    """Show a parent's options and its variants in their order, archived ones too.

    Raises: ``PRODUCT_NOT_FOUND``, ``NOT_A_PARENT``.
    """
    found = _shown(ctx, data.id)
    if found.parent.kind != "parent":
        raise NotAParent(sku=found.parent.sku, problem="it has none")
    return found


@operation(
    "catalog.set_units",
    permission=Permission.PRODUCT_WRITE,
    raises=(ProductNotFound, RepeatedUnit, NotAParent, PermissionDenied),
)
def set_units(ctx: Context, data: SetUnits) -> ProductOut:
    """Give a product exactly these units beside its own: a six-pack, a case of 24, grams.

    Selling one moves ``factor`` of the product's own unit. A barcode whose pack size is a unit's factor stands for one
    of that unit; without a unit it stands for that many pieces at the product's price. A price of its own needs
    ``product:price_write`` as well. Raises: ``PRODUCT_NOT_FOUND``, ``REPEATED_UNIT``, ``NOT_A_PARENT`` (parents have
    none, nor kits), ``PERMISSION_DENIED``.
    """
    products.lock_catalogue(ctx)
    product = products.get_product(ctx, data.product_id)
    if product.kind in {"parent", "kit"}:
        raise NotAParent(sku=product.sku, problem=f"a {product.kind} has no units")
    _check_units(product, data.units)
    before = {each.code: each.unit_price if each.has_own_price else None for each in product.units}
    after = {each.code: each.unit_price for each in data.units}
    repriced = any(after.get(code) != before.get(code) for code in {*before, *after})
    if repriced and not bulk.may_reprice(ctx):
        raise PermissionDenied(permission=Permission.PRODUCT_PRICE_WRITE.value)
    makeup.put_units(ctx, product.id, data.units)
    # A till asks for what is newer than it has.
    products.change_product(ctx, product)
    ctx.note(
        f"product {product.sku}",
        before={each.code: [str(each.factor), str(each.unit_price)] for each in product.units},
        after={each.code: [str(each.factor), str(each.unit_price)] for each in data.units},
    )
    return products.get_product(ctx, product.id)


def _check_units(product: ProductOut, units: list[UnitIn]) -> None:
    codes: set[str] = {product.unit}
    factors = set()
    for each in units:
        if each.code in codes or each.factor in factors:
            raise RepeatedUnit(unit=each.code)
        codes.add(each.code)
        factors.add(each.factor)


@operation(
    "catalog.set_kit",
    permission=Permission.PRODUCT_WRITE,
    raises=(ProductNotFound, NotAKit, BadComponent, PermissionDenied),
)
def set_kit(ctx: Context, data: SetKit) -> ProductOut:
    """Say what a kit is made of: its components leave the stock when it is sold; none makes it ordinary again.

    It is taxed by its own tax class, whatever its components bear. With ``price`` ``sum`` its price follows theirs.
    Raises: ``PRODUCT_NOT_FOUND``, ``NOT_A_KIT`` (a parent, a variant, or part of another kit), ``BAD_COMPONENT`` (a
    kit, a parent, what is archived or tracked by lot), ``PERMISSION_DENIED`` (its price would change).
    """
    products.lock_catalogue(ctx)
    product = products.get_product(ctx, data.product_id)
    problem = None
    if product.kind in {"parent", "variant"}:
        problem = f"it is a {product.kind}"
    elif product.units:
        problem = "it has units"
    elif product.tracking != "none":
        problem = "it is tracked by lot or serial number"
    elif data.components and (kits := makeup.kits_with(ctx, product.id)):
        problem = f"it is a component of {kits[0]}"
    if problem is not None:
        raise NotAKit(sku=product.sku, problem=problem)
    components = makeup.checked_components(ctx, product.id, data.components)
    price_follows = bool(components) and data.price == "sum"
    price = makeup.price_of_components(ctx, components) if price_follows else product.unit_price
    if price != product.unit_price and not bulk.may_reprice(ctx):
        raise PermissionDenied(permission=Permission.PRODUCT_PRICE_WRITE.value)
    makeup.put_components(ctx, product.id, components)
    products.change_product(
        ctx,
        product,
        kind="kit" if components else "simple",
        kit_price="sum" if price_follows else "own",
        unit_price=price,
    )
    if price != product.unit_price:
        products.log_price(ctx, product.id, product.unit_price, price)
    ctx.note(
        f"product {product.sku}",
        before={str(each.product_id): str(each.quantity) for each in product.components},
        after={str(each): str(quantity) for each, quantity in components.items()},
        unit_price=str(price),
    )
    return products.get_product(ctx, product.id)
