"""The auditor's questions about coupons: balances are the sum of uses and holds, and every use has a sale."""

from __future__ import annotations

from primepos.domain.ops.question import Check

OFFER_CHECKS = (
    Check(
        "I4",
        "a coupon's uses are those of sales",
        "SELECT c.tenant_id, 'coupon ' || c.code || ' was used ' || c.used || ' times, its sales say '"
        " || coalesce(u.n, 0) FROM coupons c LEFT JOIN (SELECT tenant_id, coupon_id, sum(quantity) AS n"
        " FROM coupon_uses GROUP BY 1, 2) u ON u.tenant_id = c.tenant_id AND u.coupon_id = c.id"
        " WHERE c.most_uses IS NOT NULL AND c.used <> coalesce(u.n, 0)",
    ),
    Check(
        "I4",
        "what is held of a coupon is held by somebody",
        "SELECT c.tenant_id, 'coupon ' || c.code || ' holds ' || c.held || ' uses, ' || coalesce(h.n, 0)"
        " || ' are held' FROM coupons c LEFT JOIN (SELECT tenant_id, coupon_id, count(*) AS n FROM coupon_holds"
        " WHERE state = 'held' GROUP BY 1, 2) h ON h.tenant_id = c.tenant_id AND h.coupon_id = c.id"
        " WHERE c.most_uses IS NOT NULL AND c.held <> coalesce(h.n, 0)",
    ),
    Check(
        "I4",
        "a coupon that was given back was used, and its sale undone",
        "SELECT b.tenant_id, 'coupon ' || b.coupon_id || ' was given back for sale ' || b.sale_id"
        " || ', which did not use it or is not undone' FROM coupon_uses b"
        " LEFT JOIN coupon_uses u ON u.tenant_id = b.tenant_id AND u.coupon_id = b.coupon_id"
        " AND u.sale_id = b.sale_id AND u.quantity = 1 WHERE b.quantity = -1 AND (u.sale_id IS NULL"
        " OR NOT EXISTS (SELECT FROM sale_returns r WHERE r.tenant_id = b.tenant_id AND r.of_sale_id = b.sale_id))",
    ),
    Check(
        "I4",
        "a coupon that a sale names was used by it",
        "SELECT s.tenant_id, 'sale ' || s.receipt || ' names coupon ' || (o.value->>'coupon') || ' and did not use it'"
        " FROM sales s JOIN sale_lines l ON l.tenant_id = s.tenant_id AND l.sale_id = s.id"
        " CROSS JOIN LATERAL jsonb_array_elements(CASE jsonb_typeof(l.details->'offers') WHEN 'array'"
        " THEN l.details->'offers' ELSE '[]' END) AS o(value)"
        " WHERE s.kind = 'sale' AND l.quantity > 0 AND o.value ? 'coupon' AND NOT s.flags @> '{COUPON_UNKNOWN}'"
        " AND NOT EXISTS (SELECT FROM coupon_uses u JOIN coupons c ON c.tenant_id = u.tenant_id AND c.id = u.coupon_id"
        " WHERE u.tenant_id = s.tenant_id AND u.sale_id = s.id AND u.quantity = 1 AND c.code = o.value->>'coupon')",
    ),
)
