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
