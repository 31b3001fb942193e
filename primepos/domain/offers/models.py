"""Price lists, promotions, coupons and mappings of taxes."""

from datetime import datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from primepos.core.models import (
    QUANTITY,
    TIMESTAMP,
    UNIT_PRICE,
    Archivable,
    Identified,
    TenantDetail,
    TenantScoped,
    Timestamped,
    json_column,
    tenant_reference,
)

_DAYS = "days <@ '{mon,tue,wed,thu,fri,sat,sun}'::text[]"
_HOURS = "(from_time IS NULL) = (to_time IS NULL) AND from_time <> to_time"


class OfferVersion(TenantScoped, table=True):
    """How often the offers of a tenant were changed; who changes one holds this row until the commit."""

    __tablename__ = "offer_versions"

    version: int = Field(sa_type=sa.BigInteger)


class PriceList(Archivable, Timestamped, Identified, TenantScoped, table=True):
    """Other prices for some customers, outlets or hours. Of those that hold, the highest ``priority`` is asked first.

    ``days`` empty is every day; ``from_time`` to ``to_time`` are hours of the shop's zone and may span midnight.
    ``step`` is what worked-out prices are rounded to, in currency units.
    """

    __tablename__ = "price_lists"
    __table_args__ = (
        sa.UniqueConstraint("tenant_id", "code"),
        sa.CheckConstraint("step > 0", name="step"),
        sa.CheckConstraint("valid_to > valid_from", name="valid"),
        sa.CheckConstraint(_DAYS, name="days"),
        sa.CheckConstraint(_HOURS, name="hours"),
    )

    code: str
    name: str
    priority: int = Field(default=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"})
    step: Decimal | None = Field(default=None, sa_type=UNIT_PRICE)
    valid_from: datetime | None = Field(default=None, sa_type=TIMESTAMP)
    valid_to: datetime | None = Field(default=None, sa_type=TIMESTAMP)
    days: list[str] = Field(sa_column=sa.Column(ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'")))
    from_time: time | None = None
    to_time: time | None = None


class PriceListItem(Identified, TenantDetail, table=True):
    """One price of a list, from ``since`` until ``until``. One that is over stays: prices can be asked for any moment.

    ``kind`` price: ``amount`` is that of one; percent_off: percent off the catalogue's price; cost_plus: percent on
    top of what the goods cost. Neither product nor category is everything.
    """

    __tablename__ = "price_list_items"
    __table_args__ = (
        tenant_reference("price_list_id", "price_lists"),
        tenant_reference("product_id", "products"),
        tenant_reference("category_id", "categories"),
        sa.Index(
            "price_list_items_now_idx",
            "tenant_id",
            "price_list_id",
            "product_id",
            "category_id",
            "from_quantity",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=sa.text("until IS NULL"),
        ),
        sa.Index("price_list_items_product_id_idx", "tenant_id", "product_id", "since"),
        sa.Index("price_list_items_category_id_idx", "tenant_id", "category_id"),
        sa.CheckConstraint("num_nonnulls(product_id, category_id) <= 1", name="goods"),
        sa.CheckConstraint("kind IN ('price', 'percent_off', 'cost_plus')", name="kind"),
        sa.CheckConstraint(
            "amount >= 0 AND (kind <> 'price' OR product_id IS NOT NULL) AND (kind <> 'percent_off' OR amount <= 100)",
            name="amount",
        ),
        sa.CheckConstraint("from_quantity > 0", name="from_quantity"),
        sa.CheckConstraint("until >= since", name="until"),
    )

    price_list_id: UUID
    product_id: UUID | None = None
    category_id: UUID | None = None
    kind: str
    amount: Decimal = Field(sa_type=UNIT_PRICE)
    from_quantity: Decimal = Field(default=Decimal(1), sa_type=QUANTITY, sa_column_kwargs={"server_default": "1"})
    since: datetime = Field(sa_type=TIMESTAMP)
    until: datetime | None = Field(default=None, sa_type=TIMESTAMP)
    actor_id: UUID | None = None
    actor_name: str


class Promotion(Archivable, Timestamped, Identified, TenantScoped, table=True):
    """What takes money off by itself; ``rule`` holds the figures of its ``kind``, see pricing/promotions.py."""

    __tablename__ = "promotions"
    __table_args__ = (
        sa.UniqueConstraint("tenant_id", "code"),
        sa.CheckConstraint("kind IN ('percent', 'amount', 'n_for_m', 'nth', 'bundle', 'mix', 'spend')", name="kind"),
        sa.CheckConstraint("most_per_ticket >= 1", name="most_per_ticket"),
        sa.CheckConstraint("valid_to > valid_from", name="valid"),
        sa.CheckConstraint(_DAYS, name="days"),
        sa.CheckConstraint(_HOURS, name="hours"),
    )

    code: str
    name: str
    kind: str
    rule: dict[str, Any] = json_column()
    priority: int = Field(default=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"})
    is_stackable: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    needs_coupon: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    most_per_ticket: int | None = Field(default=None, sa_type=sa.BigInteger)
    valid_from: datetime | None = Field(default=None, sa_type=TIMESTAMP)
    valid_to: datetime | None = Field(default=None, sa_type=TIMESTAMP)
    days: list[str] = Field(sa_column=sa.Column(ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'")))
    from_time: time | None = None
    to_time: time | None = None


class PromotionGoods(TenantDetail, table=True):
    """Goods that a promotion is for; a bundle has a slot for each of its parts. A slot without rows is everything."""

    __tablename__ = "promotion_goods"
    __table_args__ = (
        tenant_reference("promotion_id", "promotions"),
        tenant_reference("product_id", "products"),
        tenant_reference("category_id", "categories"),
        sa.Index("promotion_goods_promotion_id_idx", "tenant_id", "promotion_id"),
        sa.Index("promotion_goods_product_id_idx", "tenant_id", "product_id"),
        sa.Index("promotion_goods_category_id_idx", "tenant_id", "category_id"),
        sa.CheckConstraint("num_nonnulls(product_id, category_id) = 1", name="goods"),
        sa.CheckConstraint("slot >= 0", name="slot"),
    )

    id: int = Field(sa_column=sa.Column(sa.BigInteger, sa.Identity(always=True), primary_key=True))
    promotion_id: UUID
    slot: int = Field(sa_type=sa.BigInteger)
    product_id: UUID | None = None
    category_id: UUID | None = None


class TaxMapping(Archivable, Timestamped, Identified, TenantScoped, table=True):
    """Which tax class stands in for which, for some customers; ``others``: what becomes of the classes not named."""

    __tablename__ = "tax_mappings"
    __table_args__ = (
        sa.UniqueConstraint("tenant_id", "code"),
        sa.CheckConstraint("others IN ('keep', 'none')", name="others"),
    )

    code: str
    name: str
    others: str = Field(default="keep", sa_column_kwargs={"server_default": "keep"})


class TaxMappingRule(TenantDetail, table=True):
    """One class of a mapping; without ``to_class_id`` its goods bear no tax."""

    __tablename__ = "tax_mapping_rules"
    __table_args__ = (
        tenant_reference("tax_mapping_id", "tax_mappings"),
        tenant_reference("from_class_id", "tax_classes"),
        tenant_reference("to_class_id", "tax_classes"),
        sa.Index("tax_mapping_rules_from_class_id_idx", "tenant_id", "from_class_id"),
        sa.Index("tax_mapping_rules_to_class_id_idx", "tenant_id", "to_class_id"),
    )

    tax_mapping_id: UUID = Field(primary_key=True)
    from_class_id: UUID = Field(primary_key=True)
    to_class_id: UUID | None = None


class OfferAudience(TenantDetail, table=True):
    """For whom one price list, promotion or mapping of taxes is: an outlet, a group of customers or one customer."""

    __tablename__ = "offer_audiences"
    __table_args__ = (
        tenant_reference("price_list_id", "price_lists"),
        tenant_reference("promotion_id", "promotions"),
        tenant_reference("tax_mapping_id", "tax_mappings"),
        tenant_reference("outlet_id", "outlets"),
        tenant_reference("group_id", "customer_groups"),
        tenant_reference("customer_id", "customers"),
        sa.Index(
            "offer_audiences_offer_idx",
            "tenant_id",
            "price_list_id",
            "promotion_id",
            "tax_mapping_id",
            "outlet_id",
            "group_id",
            "customer_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
        ),
        sa.Index("offer_audiences_promotion_id_idx", "tenant_id", "promotion_id"),
        sa.Index("offer_audiences_tax_mapping_id_idx", "tenant_id", "tax_mapping_id"),
        sa.Index("offer_audiences_outlet_id_idx", "tenant_id", "outlet_id"),
        sa.Index("offer_audiences_group_id_idx", "tenant_id", "group_id"),
        sa.Index("offer_audiences_customer_id_idx", "tenant_id", "customer_id"),
        sa.CheckConstraint("num_nonnulls(price_list_id, promotion_id, tax_mapping_id) = 1", name="offer"),
        sa.CheckConstraint("num_nonnulls(outlet_id, group_id, customer_id) = 1", name="audience"),
    )

    id: int = Field(sa_column=sa.Column(sa.BigInteger, sa.Identity(always=True), primary_key=True))
    price_list_id: UUID | None = None
    promotion_id: UUID | None = None
    tax_mapping_id: UUID | None = None
    outlet_id: UUID | None = None
    group_id: UUID | None = None
    customer_id: UUID | None = None


class CouponBatch(TenantDetail, table=True):
    """Coupons made by one call; its id makes the call safe to repeat."""

    __tablename__ = "coupon_batches"
    __table_args__ = (
        tenant_reference("promotion_id", "promotions"),
        sa.Index("coupon_batches_promotion_id_idx", "tenant_id", "promotion_id"),
        sa.CheckConstraint("coupons >= 1", name="coupons"),
    )

    id: UUID = Field(primary_key=True)
    promotion_id: UUID
    request_hash: bytes
    coupons: int = Field(sa_type=sa.BigInteger)
    made_at: datetime = Field(sa_type=TIMESTAMP)
    made_by_id: UUID | None = None
    made_by: str


class Coupon(TenantDetail, table=True):
    """A printed code that calls a promotion. ``used + held`` is a shared balance that may not pass ``most_uses``.

    Without ``most_uses`` it may be used without end and keeps no balance; its uses are counted from their rows.
    """

    __tablename__ = "coupons"
    __table_args__ = (
        tenant_reference("batch_id", "coupon_batches"),
        tenant_reference("promotion_id", "promotions"),
        tenant_reference("customer_id", "customers"),
        sa.UniqueConstraint("tenant_id", "code"),
        sa.Index("coupons_promotion_id_idx", "tenant_id", "promotion_id", "id"),
        sa.Index("coupons_batch_id_idx", "tenant_id", "batch_id"),
        sa.Index(
            "coupons_customer_id_idx",
            "tenant_id",
            "customer_id",
            postgresql_where=sa.text("customer_id IS NOT NULL"),
        ),
        sa.CheckConstraint("most_uses >= 1", name="most_uses"),
        sa.CheckConstraint("used >= 0 AND held >= 0 AND (most_uses IS NOT NULL OR used + held = 0)", name="used"),
        sa.CheckConstraint("valid_to > valid_from", name="valid"),
        sa.CheckConstraint("(blocked_at IS NULL) = (blocked_reason IS NULL)", name="blocked"),
    )

    id: UUID = Field(primary_key=True)
    code: str
    batch_id: UUID
    promotion_id: UUID
    customer_id: UUID | None = None
    most_uses: int | None = Field(default=None, sa_type=sa.BigInteger)
    used: int = Field(default=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"})
    held: int = Field(default=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"})
    valid_from: datetime | None = Field(default=None, sa_type=TIMESTAMP)
    valid_to: datetime | None = Field(default=None, sa_type=TIMESTAMP)
    blocked_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)
    blocked_reason: str | None = None


class CouponHold(TenantDetail, table=True):
    """One use of a coupon kept for a till until it is paid: captured by the sale, released, or expired."""

    __tablename__ = "coupon_holds"
    __table_args__ = (
        tenant_reference("coupon_id", "coupons"),
        tenant_reference("outlet_id", "outlets"),
        tenant_reference("register_id", "registers"),
        tenant_reference("customer_id", "customers"),
        sa.Index(
            "coupon_holds_open_idx",
            "tenant_id",
            "coupon_id",
            "expires_at",
            postgresql_where=sa.text("state = 'held'"),
        ),
        sa.Index("coupon_holds_outlet_id_idx", "tenant_id", "outlet_id"),
        sa.CheckConstraint("state IN ('held', 'captured', 'released', 'expired')", name="state"),
        sa.CheckConstraint(
            "(state = 'held') = (settled_at IS NULL) AND (state = 'captured') = (sale_id IS NOT NULL)", name="settled"
        ),
        sa.CheckConstraint("expires_at > held_at", name="expires"),
    )

    id: UUID = Field(primary_key=True)
    coupon_id: UUID
    outlet_id: UUID
    register_id: UUID | None = None
    customer_id: UUID | None = None
    held_at: datetime = Field(sa_type=TIMESTAMP)
    expires_at: datetime = Field(sa_type=TIMESTAMP)
    state: str = Field(default="held", sa_column_kwargs={"server_default": "held"})
    settled_at: datetime | None = Field(default=None, sa_type=TIMESTAMP)
    sale_id: UUID | None = None
    actor_id: UUID | None = None
    actor_name: str


class CouponUse(TenantDetail, table=True):
    """One use of a coupon by a sale (1), or that use given back (-1) by ``by_sale_id``. Rows are only ever added."""

    __tablename__ = "coupon_uses"
    __table_args__ = (
        tenant_reference("coupon_id", "coupons"),
        tenant_reference("sale_id", "sales"),
        sa.Index("coupon_uses_sale_id_idx", "tenant_id", "sale_id"),
        sa.CheckConstraint("quantity IN (1, -1) AND (quantity = -1 OR by_sale_id = sale_id)", name="quantity"),
    )

    coupon_id: UUID = Field(primary_key=True)
    sale_id: UUID = Field(primary_key=True)
    quantity: int = Field(primary_key=True, sa_type=sa.BigInteger)
    by_sale_id: UUID
    customer_id: UUID | None = None
    at: datetime = Field(sa_type=TIMESTAMP)
