"""Products and what prices them."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from primepos.core.models import (
    QUANTITY,
    RATE,
    TIMESTAMP,
    UNIT_PRICE,
    Archivable,
    Identified,
    TenantDetail,
    TenantScoped,
    Timestamped,
    tenant_reference,
)


class Category(Archivable, Timestamped, Identified, TenantScoped, table=True):
    """A shelf of the catalogue."""

    __tablename__ = "categories"
    __table_args__ = (sa.UniqueConstraint("tenant_id", "name"),)

    name: str


class Tax(Timestamped, Identified, TenantScoped, table=True):
    """One tax: percent of the price, fixed amount per unit, or division (share of the gross).

    ``amount`` is in percent, or in currency units per piece for ``fixed``.
    """

    __tablename__ = "taxes"
    __table_args__ = (
        sa.UniqueConstraint("tenant_id", "code"),
        sa.CheckConstraint("kind IN ('percent', 'fixed', 'division')", name="kind"),
        sa.CheckConstraint("kind <> 'division' OR amount < 100 OR included", name="division"),
    )

    code: str
    name: str
    kind: str
    amount: Decimal = Field(sa_type=RATE)
    included: bool
    affects_base: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    base_affected: bool = Field(default=True, sa_column_kwargs={"server_default": sa.true()})


class TaxClass(Archivable, Timestamped, Identified, TenantScoped, table=True):
    """What a product is for the tax office: standard, reduced, exempt."""

    __tablename__ = "tax_classes"
    __table_args__ = (sa.UniqueConstraint("tenant_id", "code"),)

    code: str
    name: str


class TaxClassTax(TenantDetail, table=True):
    """The taxes of a class in the order in which they are worked out."""

    __tablename__ = "tax_class_taxes"
    __table_args__ = (
        tenant_reference("tax_class_id", "tax_classes"),
        tenant_reference("tax_id", "taxes"),
        sa.Index("tax_class_taxes_tax_id_idx", "tenant_id", "tax_id"),
    )

    tax_class_id: UUID = Field(primary_key=True)
    tax_id: UUID = Field(primary_key=True)
    sequence: int


class Product(Archivable, Timestamped, Identified, TenantScoped, table=True):
    """One thing that is sold. ``sku`` is unique within the tenant, to the letter.

    ``version`` grows with every change, so a till can ask for what is newer than it has. Who changes products of a
    tenant holds its lock until the commit, so versions appear in order and a reader never misses one. ``grams`` is
    the search index's column, made by the database.
    """

    __tablename__ = "products"
    __table_args__ = (
        tenant_reference("category_id", "categories"),
        tenant_reference("tax_class_id", "tax_classes"),
        sa.UniqueConstraint("tenant_id", "sku"),
        sa.Index("products_tenant_id_version_idx", "tenant_id", "version"),
        sa.Index("products_name_idx", "tenant_id", "name", "id"),
        sa.Index("products_category_id_idx", "tenant_id", "category_id"),
        sa.Index("products_tax_class_id_idx", "tenant_id", "tax_class_id"),
        sa.Index("products_grams_idx", "grams", postgresql_using="gin", postgresql_with={"fastupdate": "off"}),
        sa.CheckConstraint("unit_price >= 0", name="unit_price"),
        sa.CheckConstraint("sold_by IN ('each', 'weight')", name="sold_by"),
        sa.CheckConstraint("kind IN ('simple', 'parent', 'variant', 'kit')", name="kind"),
        sa.CheckConstraint(
            "(content_quantity IS NULL) = (content_unit IS NULL) AND coalesce(content_quantity, 1) > 0"
            " AND coalesce(content_unit, 'g') IN ('g', 'kg', 'ml', 'l', 'm', 'piece')",
            name="content",
        ),
        sa.CheckConstraint("tare > 0", name="tare"),
        sa.CheckConstraint("tracking IN ('none', 'lot', 'serial')", name="tracking"),
        sa.CheckConstraint("minimum_age BETWEEN 1 AND 99", name="minimum_age"),
        sa.CheckConstraint("kit_price IN ('own', 'sum')", name="kit_price"),
    )

    sku: str
    name: str
    category_id: UUID | None = None
    tax_class_id: UUID
    unit_price: Decimal = Field(sa_type=UNIT_PRICE)
    sold_by: str = Field(default="each", sa_column_kwargs={"server_default": "each"})
    track_stock: bool = Field(default=True, sa_column_kwargs={"server_default": sa.true()})
    version: int = Field(default=None, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": sa.FetchedValue()})
    grams: list[str] | None = Field(
        default=None,
        sa_column=sa.Column(
            ARRAY(sa.Text), sa.Computed("primepos_grams(tenant_id, (sku || ' '::text) || name)", persisted=True)
        ),
    )
    kind: str = Field(default="simple", sa_column_kwargs={"server_default": "simple"})
    unit: str | None = None
    content_quantity: Decimal | None = Field(default=None, sa_type=QUANTITY)
    content_unit: str | None = None
    tare: Decimal | None = Field(default=None, sa_type=QUANTITY)
    tracking: str = Field(default="none", sa_column_kwargs={"server_default": "none"})
    minimum_age: int | None = Field(default=None, sa_type=sa.BigInteger)
    kit_price: str = Field(default="own", sa_column_kwargs={"server_default": "own"})


class ProductOption(TenantDetail, table=True):
    """What the variants of a parent differ in, such as size, and its values in the order in which people read them."""

    __tablename__ = "product_options"
    __table_args__ = (
        tenant_reference("product_id", "products"),
        sa.CheckConstraint("position >= 1", name="position"),
        sa.CheckConstraint("cardinality(option_values) >= 1", name="option_values"),
    )

    product_id: UUID = Field(primary_key=True)
    position: int = Field(sa_type=sa.BigInteger, primary_key=True)
    name: str
    option_values: list[str] = Field(sa_column=sa.Column(ARRAY(sa.Text), nullable=False))


class ProductVariant(TenantDetail, table=True):
    """A product that is one of a parent's variants; ``option_values`` in the order of the parent's options."""

    __tablename__ = "product_variants"
    __table_args__ = (
        tenant_reference("product_id", "products"),
        tenant_reference("parent_id", "products"),
        sa.UniqueConstraint("tenant_id", "parent_id", "option_values"),
        sa.CheckConstraint("parent_id <> product_id", name="parent_id"),
    )

    product_id: UUID = Field(primary_key=True)
    parent_id: UUID
    option_values: list[str] = Field(sa_column=sa.Column(ARRAY(sa.Text), nullable=False))


class ProductUnit(TenantDetail, table=True):
    """A unit in which a product is sold beside its own: ``factor`` of the product's unit.

    It has a price of its own or costs so many times the product's. A barcode whose pack size is the factor stands for
    it.
    """

    __tablename__ = "product_units"
    __table_args__ = (
        tenant_reference("product_id", "products"),
        sa.UniqueConstraint("tenant_id", "product_id", "factor"),
        sa.CheckConstraint("factor > 0 AND factor <> 1", name="factor"),
        sa.CheckConstraint("unit_price >= 0", name="unit_price"),
    )

    product_id: UUID = Field(primary_key=True)
    code: str = Field(primary_key=True)
    name: str
    factor: Decimal = Field(sa_type=QUANTITY)
    unit_price: Decimal | None = Field(default=None, sa_type=UNIT_PRICE)


class KitComponent(TenantDetail, table=True):
    """So much of a product in one of a kit. A component is no kit itself, nor a parent."""

    __tablename__ = "kit_components"
    __table_args__ = (
        tenant_reference("kit_id", "products"),
        tenant_reference("component_id", "products"),
        sa.Index("kit_components_component_id_idx", "tenant_id", "component_id"),
        sa.CheckConstraint("quantity > 0", name="quantity"),
        sa.CheckConstraint("component_id <> kit_id", name="component_id"),
    )

    kit_id: UUID = Field(primary_key=True)
    component_id: UUID = Field(primary_key=True)
    quantity: Decimal = Field(sa_type=QUANTITY)
    position: int = Field(sa_type=sa.BigInteger)


class ProductImage(TenantDetail, table=True):
    """The picture of a product; the bytes are in the file store under these names. Sizes in pixels and bytes."""

    __tablename__ = "product_images"
    __table_args__ = (
        tenant_reference("product_id", "products"),
        sa.CheckConstraint("width >= 1 AND height >= 1 AND size >= 1", name="size"),
    )

    product_id: UUID = Field(primary_key=True)
    file_name: str
    thumbnail_name: str
    media_type: str
    width: int = Field(sa_type=sa.BigInteger)
    height: int = Field(sa_type=sa.BigInteger)
    size: int = Field(sa_type=sa.BigInteger)
    added_at: datetime = Field(sa_type=TIMESTAMP, sa_column_kwargs={"server_default": sa.func.now()})


class ProductBarcode(TenantDetail, table=True):
    """A code on a product. ``quantity`` is what one scan means: 6 for the code of a six-pack."""

    __tablename__ = "product_barcodes"
    __table_args__ = (
        tenant_reference("product_id", "products"),
        sa.Index("product_barcodes_product_id_idx", "tenant_id", "product_id"),
        sa.CheckConstraint("quantity > 0", name="quantity"),
    )

    code: str = Field(primary_key=True)
    product_id: UUID
    quantity: Decimal = Field(default=Decimal(1), sa_type=QUANTITY, sa_column_kwargs={"server_default": "1"})


class PriceChange(TenantDetail, table=True):
    """A price that was: who changed it from what to what. Rows are only ever added."""

    __tablename__ = "price_changes"
    __table_args__ = (
        tenant_reference("product_id", "products"),
        sa.Index("price_changes_product_id_idx", "tenant_id", "product_id", "at"),
    )

    id: int = Field(sa_column=sa.Column(sa.BigInteger, sa.Identity(always=True), primary_key=True))
    product_id: UUID
    at: datetime = Field(sa_type=TIMESTAMP, sa_column_kwargs={"server_default": sa.func.now()})
    old_price: Decimal | None = Field(default=None, sa_type=UNIT_PRICE)
    new_price: Decimal = Field(sa_type=UNIT_PRICE)
    actor_id: UUID | None = None
    actor_name: str
