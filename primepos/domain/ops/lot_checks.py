"""The auditor's questions about lots and serial numbers."""

from __future__ import annotations

from typing import Final

from primepos.domain.ops.question import Check

LOT_CHECKS: Final = (
    Check(
        "I4",
        "lots hold the sum of their movements",
        "SELECT coalesce(l.tenant_id, m.tenant_id), 'lot ' || coalesce(l.lot, m.lot) || ' of product '"
        " || coalesce(l.product_id, m.product_id) || ': holds ' || coalesce(l.quantity::text, 'nothing')"
        " || ', movements ' || coalesce(m.quantity::text, 'none')"
        " FROM stock_lots l FULL JOIN (SELECT tenant_id, outlet_id, product_id, lot, sum(quantity) AS quantity"
        " FROM lot_movements GROUP BY 1, 2, 3, 4) m USING (tenant_id, outlet_id, product_id, lot)"
        " WHERE coalesce(l.quantity, 0) <> coalesce(m.quantity, 0)",
    ),
    Check(
        "I4",
        "a lot moves with the goods of its line",
        "SELECT m.tenant_id, 'movement ' || m.id || ' of lot ' || m.lot || ' is not of its sale line'"
        " FROM lot_movements m"
        " LEFT JOIN sales s ON s.tenant_id = m.tenant_id AND s.id = m.sale_id"
        " LEFT JOIN sale_lines l ON l.tenant_id = m.tenant_id AND l.sale_id = m.sale_id AND l.line_no = m.line_no"
        " LEFT JOIN stock_movements g ON g.tenant_id = m.tenant_id AND g.sale_id = m.sale_id"
        " AND g.line_no = m.line_no AND g.product_id = m.product_id"
        " WHERE CASE WHEN m.sale_id IS NULL THEN m.kind IN ('sale', 'void', 'refund') OR m.line_no IS NOT NULL"
        " ELSE m.kind IS DISTINCT FROM s.kind OR m.outlet_id <> s.outlet_id OR l.lot IS DISTINCT FROM m.lot"
        " OR l.product_id IS DISTINCT FROM m.product_id OR g.quantity IS DISTINCT FROM m.quantity"
        " OR m.actor_id IS DISTINCT FROM s.cashier_id OR m.actor_name <> s.cashier END",
    ),
    Check(
        "I4",
        "goods of a lot moved it",
        "SELECT l.tenant_id, 'sale ' || s.receipt || ', line ' || l.line_no || ': lot ' || l.lot || ' did not move'"
        " FROM sale_lines l JOIN sales s ON s.tenant_id = l.tenant_id AND s.id = l.sale_id"
        " AND s.kind <> 'imported' AND NOT 'LOT_NOT_HERE' = ANY(s.flags)"
        " JOIN stock_movements g ON g.tenant_id = l.tenant_id AND g.sale_id = l.sale_id AND g.line_no = l.line_no"
        " AND g.product_id = l.product_id"
        " WHERE l.lot <> '' AND NOT EXISTS (SELECT FROM lot_movements m WHERE m.tenant_id = l.tenant_id"
        " AND m.sale_id = l.sale_id AND m.line_no = l.line_no AND m.product_id = l.product_id AND m.lot = l.lot)",
    ),
)
