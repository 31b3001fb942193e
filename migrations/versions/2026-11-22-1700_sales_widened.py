"""Let a sale say whose it is, what it sold beside goods, in what packs and lots, and how else it was paid.

Revision ID: 0008
Revises: 0007
Phase: expand
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

COLUMNS = {
    "sales": (
        "value bigint DEFAULT 0 NOT NULL",
        "customer_id uuid",
        "salesperson_id uuid",
        "note text DEFAULT '' NOT NULL",
    ),
    "sale_lines": (
        "kind text DEFAULT 'goods' NOT NULL",
        "unit text DEFAULT '' NOT NULL",
        "factor numeric(14, 3) DEFAULT 1 NOT NULL",
        "lot text DEFAULT '' NOT NULL",
        "note text DEFAULT '' NOT NULL",
        "cost bigint",
        "details jsonb",
    ),
    "payments": (
        "account_id uuid",
        "authorisation_id uuid",
        "currency text",
        "foreign_amount bigint",
        "rate numeric(20, 10)",
    ),
    "sale_returns": ("excess boolean DEFAULT false NOT NULL",),
    "fiscal_closings": ("value bigint DEFAULT 0 NOT NULL",),
    "day_summaries": ("value bigint DEFAULT 0 NOT NULL", "tenders jsonb"),
}
# Wider than the old ones, so true of every row there is; a revision at the end says so.
CHECKS = {
    ("sales", "total"): ("total = base + tax + rounding", "total = base + tax + rounding + value"),
    ("fiscal_closings", "total"): ("total = base + tax + rounding", "total = base + tax + rounding + value"),
    ("payments", "kind"): (
        "kind IN ('cash', 'card', 'change')",
        "kind IN ('cash', 'card', 'change', 'tip', 'gift_card', 'store_credit', 'account', 'points', 'deposit')",
    ),
    ("sale_returns", "quantity"): (
        "quantity > 0 AND before >= 0 AND before + quantity <= sold",
        "quantity > 0 AND before >= 0 AND (excess OR before + quantity <= sold)",
    ),
}
NEW_CHECKS = {
    ("sale_lines", "kind"): "kind IN ('goods', 'gift_card', 'store_credit', 'account', 'deposit')",
    ("sale_lines", "value"): "kind = 'goods' OR (tax = 0 AND product_id IS NULL)",
}


def upgrade() -> None:
    """Add columns with constant defaults, which rewrites no row, and widen the checks."""
    for table, columns in COLUMNS.items():
        for column in columns:
            op.execute(f"ALTER TABLE {table} ADD COLUMN {column}")
    for (table, name), (_, check) in CHECKS.items():
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{name}_check")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_{name}_check CHECK ({check}) NOT VALID")
    for (table, name), check in NEW_CHECKS.items():
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_{name}_check CHECK ({check}) NOT VALID")


def downgrade() -> None:
    """Take it away again; refused by the old checks where it was used."""
    for table, name in NEW_CHECKS:
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{name}_check")
    for (table, name), (check, _) in CHECKS.items():
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_{name}_check")
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_{name}_check CHECK ({check})")
    for table, columns in COLUMNS.items():
        for column in columns:
            op.execute(f"ALTER TABLE {table} DROP COLUMN {column.split()[0]}")
