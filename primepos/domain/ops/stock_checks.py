"""The auditor's questions about stock and purchases: every document moved what it says, once."""

from __future__ import annotations

from typing import Final

from primepos.domain.ops.question import Check

STOCK_CHECKS: Final = (
    Check(
        "I4",
        "a line's cost is what its goods were worth",
        "SELECT l.tenant_id, 'sale ' || l.sale_id || ', line ' || l.line_no || ': cost '"
        " || coalesce(l.cost::text, 'none') || ', its goods were worth ' || coalesce(m.cost::text, 'an unknown sum')"
        " FROM sale_lines l LEFT JOIN (SELECT tenant_id, sale_id, line_no,"
        " CASE WHEN bool_and(unit_cost IS NOT NULL) THEN round(sum(-quantity * unit_cost))::bigint END AS cost"
        " FROM stock_movements WHERE sale_id IS NOT NULL GROUP BY 1, 2, 3) m"
        " ON m.tenant_id = l.tenant_id AND m.sale_id = l.sale_id AND m.line_no = l.line_no"
        " WHERE l.cost IS DISTINCT FROM m.cost",
    ),
    Check(
        "I4",
        "what tills hold is what levels say",
        "SELECT coalesce(l.tenant_id, a.tenant_id), 'product ' || coalesce(l.product_id, a.product_id) || ': '"
        " || coalesce(l.allotted, 0) || ' allotted, tills hold ' || coalesce(a.quantity, 0) FROM stock_levels l"
        " FULL JOIN (SELECT tenant_id, outlet_id, product_id, sum(quantity) AS quantity FROM stock_allotments"
        " GROUP BY 1, 2, 3) a USING (tenant_id, outlet_id, product_id)"
        " WHERE coalesce(l.allotted, 0) <> coalesce(a.quantity, 0)",
    ),
    Check(
        "I2",
        "movements are of their document",
        "SELECT m.tenant_id, 'movement ' || m.id || ' is not of its document' FROM stock_movements m WHERE"
        " (m.reason_code IS NOT NULL AND m.kind NOT IN ('adjust', 'count'))"
        " OR CASE WHEN m.kind IN ('transfer_in', 'transfer_out', 'count', 'supplier_return')"
        " OR m.document_id IS NOT NULL THEN NOT CASE m.kind"
        " WHEN 'transfer_in' THEN EXISTS (SELECT FROM stock_transfers d WHERE d.tenant_id = m.tenant_id"
        " AND d.id = m.document_id AND m.outlet_id IN (d.from_outlet_id, d.to_outlet_id))"
        " WHEN 'transfer_out' THEN EXISTS (SELECT FROM stock_transfers d WHERE d.tenant_id = m.tenant_id"
        " AND d.id = m.document_id AND m.outlet_id = d.from_outlet_id)"
        " WHEN 'count' THEN EXISTS (SELECT FROM stock_counts d WHERE d.tenant_id = m.tenant_id"
        " AND d.id = m.document_id AND m.outlet_id = d.outlet_id)"
        " WHEN 'supplier_return' THEN EXISTS (SELECT FROM supplier_returns d WHERE d.tenant_id = m.tenant_id"
        " AND d.id = m.document_id AND m.outlet_id = d.outlet_id)"
        " WHEN 'receive' THEN EXISTS (SELECT FROM purchase_receipts d WHERE d.tenant_id = m.tenant_id"
        " AND d.id = m.document_id AND m.outlet_id = d.outlet_id)"
        " ELSE false END ELSE false END",
    ),
    Check(
        "I4",
        "what a transfer shipped arrived, is damaged, lost, back or in transit",
        "SELECT t.tenant_id, 'transfer ' || t.number || ': its goods are not where it says' FROM stock_transfers t"
        " JOIN stock_transfer_lines l ON l.tenant_id = t.tenant_id AND l.transfer_id = t.id"
        " LEFT JOIN (SELECT tenant_id, document_id, product_id, outlet_id,"
        " sum(quantity) FILTER (WHERE kind = 'transfer_out') AS gone,"
        " sum(quantity) FILTER (WHERE kind = 'transfer_in') AS come FROM stock_movements"
        " WHERE kind IN ('transfer_in', 'transfer_out') GROUP BY 1, 2, 3, 4) f ON f.tenant_id = t.tenant_id"
        " AND f.document_id = t.id AND f.product_id = l.product_id AND f.outlet_id = t.from_outlet_id"
        " LEFT JOIN (SELECT tenant_id, document_id, product_id, outlet_id, sum(quantity) AS come FROM stock_movements"
        " WHERE kind = 'transfer_in' GROUP BY 1, 2, 3, 4) d ON d.tenant_id = t.tenant_id"
        " AND d.document_id = t.id AND d.product_id = l.product_id AND d.outlet_id = t.to_outlet_id"
        " WHERE coalesce(-f.gone, 0) <> l.shipped + l.over OR coalesce(d.come, 0) <> l.received + l.over"
        " OR coalesce(f.come, 0) <> l.back"
        " OR (t.state = 'closed' AND l.shipped <> l.received + l.damaged + l.lost + l.back)"
        " OR (t.state IN ('requested', 'cancelled') AND l.shipped <> 0)",
    ),
    Check(
        "I4",
        "a count moved its differences once",
        "SELECT c.tenant_id, 'count ' || c.number || ': levels did not move by what differed' FROM stock_counts c"
        " JOIN stock_count_lines l ON l.tenant_id = c.tenant_id AND l.count_id = c.id"
        " LEFT JOIN (SELECT tenant_id, document_id, product_id, sum(quantity) AS quantity, count(*) AS times"
        " FROM stock_movements WHERE kind = 'count' GROUP BY 1, 2, 3) m ON m.tenant_id = c.tenant_id"
        " AND m.document_id = c.id AND m.product_id = l.product_id"
        " WHERE coalesce(m.quantity, 0) <> coalesce(l.posted, 0) OR m.times > 1"
        " OR (c.state <> 'approved' AND l.posted IS NOT NULL)"
        " OR (l.counted IS NOT NULL AND c.state = 'approved' AND l.posted IS DISTINCT FROM l.counted - l.expected)",
    ),
    Check(
        "I4",
        "what was counted is the sum of its entries",
        "SELECT l.tenant_id, 'count ' || l.count_id || ', product ' || l.product_id || ': counted '"
        " || coalesce(l.counted::text, 'nothing') || ', entries say ' || coalesce(e.quantity::text, 'nothing')"
        " FROM stock_count_lines l LEFT JOIN (SELECT tenant_id, count_id, product_id, round,"
        " sum(quantity) AS quantity FROM stock_count_entries GROUP BY 1, 2, 3, 4) e ON e.tenant_id = l.tenant_id"
        " AND e.count_id = l.count_id AND e.product_id = l.product_id AND e.round = l.round"
        " WHERE l.counted IS DISTINCT FROM e.quantity",
    ),
    Check(
        "I4",
        "an order's lines are what arrived and went back",
        "SELECT l.tenant_id, 'order ' || o.number || ', line ' || l.line_no || ' is not what its receipts say'"
        " FROM purchase_order_lines l JOIN purchase_orders o ON o.tenant_id = l.tenant_id AND o.id = l.order_id"
        " LEFT JOIN (SELECT tenant_id, order_id, order_line_no, sum(quantity) AS quantity FROM purchase_receipt_lines"
        " GROUP BY 1, 2, 3) r ON r.tenant_id = l.tenant_id AND r.order_id = l.order_id AND r.order_line_no = l.line_no"
        " LEFT JOIN (SELECT tenant_id, order_id, order_line_no, sum(quantity) AS quantity FROM supplier_return_lines"
        " GROUP BY 1, 2, 3) b ON b.tenant_id = l.tenant_id AND b.order_id = l.order_id AND b.order_line_no = l.line_no"
        " WHERE l.received <> coalesce(r.quantity, 0) OR l.returned <> coalesce(b.quantity, 0)"
        " UNION ALL SELECT o.tenant_id, 'order ' || o.number || ': its lines do not add up' FROM purchase_orders o"
        " WHERE o.total <> (SELECT coalesce(sum(l.amount), 0) FROM purchase_order_lines l"
        " WHERE l.tenant_id = o.tenant_id AND l.order_id = o.id)"
        " UNION ALL SELECT b.tenant_id, 'return ' || b.number || ': its lines do not add up' FROM supplier_returns b"
        " WHERE b.expected <> (SELECT coalesce(sum(l.amount), 0) FROM supplier_return_lines l"
        " WHERE l.tenant_id = b.tenant_id AND l.return_id = b.id)",
    ),
    Check(
        "I4",
        "goods bought and sent back moved once, at their cost",
        "SELECT coalesce(x.tenant_id, m.tenant_id), 'document ' || coalesce(x.id, m.document_id)"
        " || ', product ' || coalesce(x.product_id, m.product_id) || ' did not move what it says' FROM ("
        "SELECT tenant_id, receipt_id AS id, product_id, quantity, unit_cost FROM purchase_receipt_lines"
        " UNION ALL SELECT tenant_id, return_id, product_id, -quantity, NULL FROM supplier_return_lines) x"
        " FULL JOIN (SELECT tenant_id, document_id, product_id, quantity, unit_cost, kind FROM stock_movements"
        " WHERE kind = 'supplier_return' OR (kind = 'receive' AND document_id IS NOT NULL)) m"
        " ON m.tenant_id = x.tenant_id AND m.document_id = x.id AND m.product_id = x.product_id"
        " WHERE m.quantity IS DISTINCT FROM x.quantity"
        " OR (m.kind = 'receive' AND m.unit_cost IS DISTINCT FROM x.unit_cost)",
    ),
)
