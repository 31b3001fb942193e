# ruff: noqa: S608  every question is put together from constants of this module
"""The auditor's questions: each finds what must not exist, over the rows this transaction may see.

I1 an acknowledged sale exists, as it was acknowledged, I2 no torn sale, I3 numbers gapless and unique, I4 ledger
balanced and stock equal to its movements, I5 nothing crosses tenants. What a sale's seal does not cover (when it
came in, its flags, how many goods it moved) and what a shift says is held against the trail.

Every question is one statement, so it sees the books of one moment, and none trusts a text to be what it should be:
who tampers must not be able to stop the auditor.
"""

from __future__ import annotations

from typing import Final

from primepos.domain.ops.cash_checks import CASH_CHECKS
from primepos.domain.ops.lot_checks import LOT_CHECKS
from primepos.domain.ops.offer_checks import OFFER_CHECKS
from primepos.domain.ops.question import Check
from primepos.domain.ops.stock_checks import STOCK_CHECKS
from primepos.domain.ops.value_checks import VALUE_CHECKS

_BOOKINGS: Final = (
    "'sales.book', 'sales.deliver', 'sales.void', 'sales.refund', 'sales.exchange', 'sales.return_goods', 'sales.pay',"
    " 'accounts.pay', 'orders.sell', 'orders.pay_deposit', 'orders.return_deposit'"
)
# What was said of each sale when it was booked; repeated calls leave rows without a receipt.
_ACKNOWLEDGED: Final = (
    "SELECT DISTINCT ON (a.tenant_id, sale) a.tenant_id, coalesce(a.data->>'void', substr(a.subject, 6)) AS sale,"
    " a.at, a.operation, a.actor_id, a.data FROM audit_events a"
    f" WHERE a.operation IN ({_BOOKINGS})"
    " AND a.outcome = 'done' AND a.data ? 'receipt'"
    " ORDER BY a.tenant_id, sale, a.id"
)
_SHIFT_ACTS: Final = (
    "SELECT DISTINCT ON (a.tenant_id, a.subject) a.tenant_id, a.subject, a.actor_id, a.actor_name, a.data"
    " FROM audit_events a WHERE a.operation IN ({operations}) AND a.outcome = 'done' AND a.data ? '{key}'"
    " ORDER BY a.tenant_id, a.subject, a.id"
)
# How many pieces of a movement's product its line sold: a pack holds several, a kit is made of others.
_PIECES: Final = (
    "(l.quantity * l.factor * CASE WHEN jsonb_typeof(l.details->'components') = 'array' THEN"
    " (SELECT sum((c->>'quantity')::numeric) FROM jsonb_array_elements(l.details->'components') c"
    " WHERE c->>'product_id' = m.product_id::text AND c->>'quantity' ~ '^[0-9]{1,12}([.][0-9]{1,3})?$')"
    " WHEN l.product_id = m.product_id THEN 1 END)"
)
_OPENED: Final = _SHIFT_ACTS.format(operations="'cash.open_shift'", key="opened_at")
_ENDED: Final = _SHIFT_ACTS.format(operations="'cash.end_shift', 'cash.deliver'", key="ended_at")
_CLOSINGS: Final = "'cash.close_shift', 'cash.force_close_shift', 'cash.deliver_closing'"
_CLOSED: Final = _SHIFT_ACTS.format(operations=_CLOSINGS, key="closed_at")
_MOMENT: Final = "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US')"
_NUMBERED: Final = (
    "SELECT x.tenant_id, 'sale ' || x.sale_id || ': its {what} are not numbered from 1 on' FROM {table} x"
    " JOIN sales s ON s.tenant_id = x.tenant_id AND s.id = x.sale_id AND s.kind <> 'imported'"
    " GROUP BY x.tenant_id, x.sale_id HAVING min(x.{number}) <> 1 OR max(x.{number}) <> count(*)"
)

CHECKS = (
    Check(
        "I1",
        "acknowledged sales exist",
        "SELECT a.tenant_id, a.subject || ' was acknowledged and is not booked' FROM audit_events a"
        f" WHERE a.operation IN ({_BOOKINGS})"
        " AND a.outcome = 'done'"
        " AND NOT EXISTS (SELECT FROM sales s WHERE s.tenant_id = a.tenant_id"
        " AND s.id::text = coalesce(a.data->>'void', substr(a.subject, 6)))",
    ),
    Check(
        "I1",
        "booked sales were acknowledged",
        f"SELECT s.tenant_id, 'sale ' || s.receipt || ' has no audit row' FROM sales s"
        f" LEFT JOIN ({_ACKNOWLEDGED}) a ON a.tenant_id = s.tenant_id AND a.sale = s.id::text"
        " WHERE s.kind <> 'imported' AND a.sale IS NULL",
    ),
    Check(
        "I1",
        "sales are as acknowledged",
        f"SELECT s.tenant_id, 'sale ' || s.receipt || ' is not what was acknowledged' FROM sales s"
        f" JOIN ({_ACKNOWLEDGED}) a ON a.tenant_id = s.tenant_id AND a.sale = s.id::text"
        " LEFT JOIN (SELECT tenant_id, sale_id, count(*) AS moved FROM stock_movements WHERE sale_id IS NOT NULL"
        " GROUP BY 1, 2) m ON m.tenant_id = s.tenant_id AND m.sale_id = s.id"
        " WHERE s.kind <> 'imported' AND (a.data->>'receipt' <> s.receipt"
        " OR a.data->>'total' IS DISTINCT FROM s.total::text OR a.at <> s.received_at"
        " OR a.data->>'moved' IS DISTINCT FROM coalesce(m.moved, 0)::text"
        " OR coalesce(a.data->'flags', '[]') <> to_jsonb(s.flags)"
        " OR CASE a.operation WHEN 'sales.deliver' THEN a.data->>'cashier_id' ELSE a.actor_id::text END"
        " IS DISTINCT FROM s.cashier_id::text)",
    ),
    Check(
        "I1",
        "opened shifts exist",
        "SELECT a.tenant_id, a.subject || ' was opened and is not there' FROM audit_events a"
        " WHERE a.operation = 'cash.open_shift' AND a.outcome = 'done' AND a.data ? 'opened_at'"
        " AND NOT EXISTS (SELECT FROM shifts h WHERE h.tenant_id = a.tenant_id AND 'shift:' || h.id = a.subject)",
    ),
    Check(
        "I2",
        "nothing points at what is not there",
        "SELECT s.tenant_id, 'sale ' || s.receipt || ' has no shift, register or outlet' FROM sales s"
        " LEFT JOIN registers r ON r.tenant_id = s.tenant_id AND r.id = s.register_id"
        " LEFT JOIN shifts h ON h.tenant_id = s.tenant_id AND h.id = s.shift_id"
        " LEFT JOIN outlets o ON o.tenant_id = s.tenant_id AND o.id = s.outlet_id"
        " LEFT JOIN sales v ON v.tenant_id = s.tenant_id AND v.id = s.void_of"
        " WHERE o.id IS NULL OR (s.void_of IS NOT NULL AND v.id IS NULL)"
        " OR (s.kind <> 'imported' AND (r.id IS NULL OR h.id IS NULL))"
        " UNION ALL SELECT h.tenant_id, 'shift ' || h.id || ' has no register' FROM shifts h"
        " LEFT JOIN registers r ON r.tenant_id = h.tenant_id AND r.id = h.register_id WHERE r.id IS NULL"
        " UNION ALL SELECT r.tenant_id, 'register ' || r.prefix || ' has no outlet' FROM registers r"
        " LEFT JOIN outlets o ON o.tenant_id = r.tenant_id AND o.id = r.outlet_id WHERE o.id IS NULL",
    ),
    Check(
        "I2",
        "a booked sale says nothing an imported one says",
        "SELECT s.tenant_id, 'sale ' || s.receipt || ' carries what only an imported one does' FROM sales s"
        " WHERE s.kind <> 'imported' AND (s.source <> '' OR s.external_number IS NOT NULL"
        " OR s.customer_number IS NOT NULL OR s.pricing IS NOT NULL)",
    ),
    Check(
        "I2",
        "a receipt is its register's",
        "SELECT s.tenant_id, 'sale ' || s.receipt || ' has not the number or outlet of its register' FROM sales s"
        " JOIN registers r ON r.tenant_id = s.tenant_id AND r.id = s.register_id WHERE s.number IS NOT NULL"
        " AND (s.outlet_id <> r.outlet_id OR s.receipt <> r.prefix || '-'"
        " || lpad(s.number::text, greatest(6, length(s.number::text)), '0'))",
    ),
    Check(
        "I2",
        "what a repeated call is held against",
        "SELECT s.tenant_id, 'sale ' || s.receipt || ' would not know its own call again' FROM sales s"
        " JOIN registers r ON r.tenant_id = s.tenant_id AND r.id = s.register_id WHERE s.kind <> 'imported'"
        " AND s.request_hash IS DISTINCT FROM CASE WHEN r.kind = 'till' THEN s.hash"
        " WHEN s.kind = 'void' THEN uuid_send(s.id) || uuid_send(s.void_of)"
        " WHEN length(s.request_hash) = 32 THEN s.request_hash END",
    ),
    Check("I2", "lines are numbered", _NUMBERED.format(what="lines", table="sale_lines", number="line_no")),
    Check("I2", "taxes are numbered", _NUMBERED.format(what="taxes", table="sale_taxes", number="tax_no")),
    Check("I2", "payments are numbered", _NUMBERED.format(what="payments", table="payments", number="seq")),
    Check("I2", "entries are numbered", _NUMBERED.format(what="entries", table="ledger_entries", number="entry_no")),
    Check(
        "I2",
        "lines add up to their sale",
        "SELECT s.tenant_id, 'sale ' || s.receipt || ': its lines do not add up' FROM sales s"
        " LEFT JOIN (SELECT tenant_id, sale_id, sum(tax) AS tax,"
        " coalesce(sum(base) FILTER (WHERE kind = 'goods'), 0) AS base,"
        " coalesce(sum(total) FILTER (WHERE kind <> 'goods'), 0) AS value FROM sale_lines GROUP BY 1, 2) l"
        " ON l.tenant_id = s.tenant_id AND l.sale_id = s.id"
        " WHERE (l.base, l.tax, l.value) IS DISTINCT FROM (s.base::numeric, s.tax::numeric, s.value::numeric)",
    ),
    Check(
        "I2",
        "payments equal the total",
        "SELECT s.tenant_id, 'sale ' || s.receipt || ': its payments are not its total' FROM sales s"
        " LEFT JOIN (SELECT tenant_id, sale_id, sum(amount) AS paid FROM payments GROUP BY 1, 2) p"
        " ON p.tenant_id = s.tenant_id AND p.sale_id = s.id"
        " WHERE s.kind <> 'imported' AND coalesce(p.paid, 0) <> s.total",
    ),
    Check(
        "I2",
        "taxes equal the sale's tax",
        "SELECT s.tenant_id, 'sale ' || s.receipt || ': its taxes are not its tax' FROM sales s"
        " LEFT JOIN (SELECT tenant_id, sale_id, sum(amount) AS tax FROM sale_taxes GROUP BY 1, 2) t"
        " ON t.tenant_id = s.tenant_id AND t.sale_id = s.id"
        " WHERE s.kind <> 'imported' AND coalesce(t.tax, 0) <> s.tax",
    ),
    Check(
        "I2",
        "movements match their line",
        "SELECT m.tenant_id, 'movement ' || m.id || ' does not match its sale line' FROM stock_movements m"
        " LEFT JOIN sale_lines l ON l.tenant_id = m.tenant_id AND l.sale_id = m.sale_id AND l.line_no = m.line_no"
        f" WHERE m.sale_id IS NOT NULL AND coalesce(abs({_PIECES} + m.quantity) > 0.001, true)",
    ),
    Check(
        "I2",
        "movements are of their sale",
        "SELECT m.tenant_id, 'movement ' || m.id || ' is not of its sale' FROM stock_movements m"
        " LEFT JOIN sales s ON s.tenant_id = m.tenant_id AND s.id = m.sale_id"
        " WHERE CASE WHEN m.sale_id IS NULL THEN m.kind IN ('sale', 'void', 'refund') OR m.line_no IS NOT NULL"
        " WHEN s.kind = 'imported' THEN false"
        " ELSE m.kind IS DISTINCT FROM s.kind OR m.outlet_id <> s.outlet_id OR m.at <> s.received_at"
        " OR m.actor_id IS DISTINCT FROM s.cashier_id OR m.actor_name <> s.cashier OR m.reason IS NOT NULL END",
    ),
    Check(
        "I2",
        "a void mirrors its sale",
        "SELECT v.tenant_id, 'void ' || v.receipt || ' does not mirror its sale' FROM sales v"
        " JOIN sales s ON s.tenant_id = v.tenant_id AND s.id = v.void_of"
        " WHERE s.kind <> 'sale' OR s.register_id <> v.register_id OR s.shift_id <> v.shift_id"
        " OR (v.total, v.base, v.tax, v.rounding, v.value) <> (-s.total, -s.base, -s.tax, -s.rounding, -s.value)",
    ),
    Check(
        "I2",
        "what comes back was sold",
        "SELECT b.tenant_id, 'refund ' || coalesce(r.receipt, b.sale_id::text) || ', line ' || b.line_no"
        " || ' is not the return of a sold line' FROM sale_returns b"
        " LEFT JOIN sales r ON r.tenant_id = b.tenant_id AND r.id = b.sale_id"
        " LEFT JOIN sale_lines l ON l.tenant_id = b.tenant_id AND l.sale_id = b.sale_id AND l.line_no = b.line_no"
        " LEFT JOIN sales s ON s.tenant_id = b.tenant_id AND s.id = b.of_sale_id"
        " LEFT JOIN sale_lines o"
        " ON o.tenant_id = b.tenant_id AND o.sale_id = b.of_sale_id AND o.line_no = b.of_line_no"
        " WHERE r.kind IS NULL OR r.kind = 'imported' OR (r.kind = 'void') <> (r.void_of IS NOT NULL)"
        " OR (r.void_of IS NOT NULL AND r.void_of <> b.of_sale_id) OR s.kind IS NULL OR s.kind IN ('void', 'refund')"
        " OR l.quantity IS DISTINCT FROM -b.quantity OR o.quantity IS DISTINCT FROM b.sold"
        " OR l.product_id IS DISTINCT FROM o.product_id OR l.sku <> o.sku OR l.unit_price <> o.unit_price",
    ),
    Check(
        "I2",
        "a void takes back all that its sale sold",
        "SELECT v.tenant_id, 'void ' || v.receipt || ' leaves line ' || l.line_no || ' of its sale to be refunded'"
        " FROM sales v JOIN sales s ON s.tenant_id = v.tenant_id AND s.id = v.void_of AND s.kind = 'sale'"
        " JOIN sale_lines l ON l.tenant_id = s.tenant_id AND l.sale_id = s.id AND l.quantity > 0"
        " JOIN sale_lines m ON m.tenant_id = v.tenant_id AND m.sale_id = v.id AND m.line_no = l.line_no"
        " AND m.quantity = -l.quantity"
        " WHERE NOT 'ALREADY_REFUNDED' = ANY(v.flags) AND NOT EXISTS (SELECT FROM sale_returns b"
        " WHERE b.tenant_id = v.tenant_id AND b.sale_id = v.id AND b.line_no = l.line_no)",
    ),
    Check(
        "I2",
        "nothing comes back twice",
        "SELECT b.tenant_id, 'sale ' || b.of_sale_id || ', line ' || b.of_line_no"
        " || ': its returns do not follow each other' FROM (SELECT x.*, row_number() OVER w AS place,"
        " coalesce(sum(x.quantity) OVER (PARTITION BY x.tenant_id, x.of_sale_id, x.of_line_no ORDER BY x.nth"
        " ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS came FROM sale_returns x"
        " WINDOW w AS (PARTITION BY x.tenant_id, x.of_sale_id, x.of_line_no ORDER BY x.nth)) b"
        " WHERE b.nth <> b.place OR b.before <> b.came OR (b.came + b.quantity > b.sold) <> b.excess",
    ),
    Check(
        "I2",
        "every line of a refund has its receipt",
        "SELECT s.tenant_id, 'refund ' || s.receipt || ', line ' || l.line_no || ' takes back nothing that was sold'"
        " FROM sales s JOIN sale_lines l ON l.tenant_id = s.tenant_id AND l.sale_id = s.id"
        " WHERE s.kind = 'refund' AND NOT 'NO_RECEIPT' = ANY(s.flags) AND l.kind <> 'deposit'"
        " AND NOT EXISTS (SELECT FROM sale_returns b WHERE b.tenant_id = l.tenant_id"
        " AND b.sale_id = l.sale_id AND b.line_no = l.line_no)",
    ),
    Check(
        "I2",
        "refunds are within their sale",
        "SELECT s.tenant_id, 'sale ' || s.receipt || ', line ' || l.line_no || ': more was given back than was charged'"
        " FROM sale_lines l JOIN sales s ON s.tenant_id = l.tenant_id AND s.id = l.sale_id"
        " JOIN (SELECT b.tenant_id, b.of_sale_id, b.of_line_no, sum(r.total) AS total, sum(r.tax) AS tax,"
        " sum(r.base) AS base, sum(r.discount) AS discount, sum(b.quantity) AS quantity FROM sale_returns b"
        " JOIN sale_lines r ON r.tenant_id = b.tenant_id AND r.sale_id = b.sale_id AND r.line_no = b.line_no"
        " GROUP BY 1, 2, 3) back"
        " ON back.tenant_id = l.tenant_id AND back.of_sale_id = l.sale_id AND back.of_line_no = l.line_no"
        " WHERE (l.total >= 0 AND back.total < -l.total) OR (back.quantity = l.quantity AND"
        " (back.total, back.tax, back.base, back.discount) <> (-l.total, -l.tax, -l.base, -l.discount))",
    ),
    Check(
        "I3",
        "server series have no gap",
        "SELECT r.tenant_id, 'series ' || r.prefix || '/' || e.epoch || ' has ' || e.n || ' numbers up to ' || e.last"
        " FROM registers r JOIN (SELECT tenant_id, register_id, epoch, count(*) AS n, max(number) AS last FROM sales"
        " WHERE number IS NOT NULL GROUP BY 1, 2, 3) e ON e.tenant_id = r.tenant_id AND e.register_id = r.id"
        " WHERE r.kind = 'server' AND e.n <> e.last",
    ),
    Check(
        "I3",
        "till series have no gap",
        "SELECT r.tenant_id, 'series ' || r.prefix || '/' || e.epoch || ' waits for ' || (e.last - e.n) || ' sale(s)'"
        " FROM registers r JOIN (SELECT tenant_id, register_id, epoch, count(*) AS n, max(number) AS last FROM sales"
        " WHERE number IS NOT NULL GROUP BY 1, 2, 3) e ON e.tenant_id = r.tenant_id AND e.register_id = r.id"
        " WHERE r.kind = 'till' AND e.n <> e.last",
        pending=True,
    ),
    Check(
        "I3",
        "the register knows its head",
        "SELECT r.tenant_id, 'register ' || r.prefix || ' goes on with ' || r.next_number || ' after '"
        " || coalesce(h.number, 0) FROM registers r LEFT JOIN LATERAL (SELECT s.number, s.hash FROM sales s"
        " WHERE s.tenant_id = r.tenant_id AND s.register_id = r.id AND s.epoch = r.epoch AND s.number IS NOT NULL"
        " ORDER BY s.number DESC LIMIT 1) h ON true WHERE r.next_number <> coalesce(h.number, 0) + 1"
        " OR r.last_hash <> coalesce(h.hash, decode(repeat('00', 32), 'hex'))",
    ),
    Check(
        "I3",
        "closings follow each other",
        "SELECT c.tenant_id, 'the ' || c.period || ' closing ' || c.closing_no || ' of register ' || c.register_id"
        " || ' does not follow the one before it' FROM (SELECT x.*, row_number() OVER w AS place, lag(to_number) OVER w"
        " AS last, lag(hash) OVER w AS before, lag(grand_total) OVER w AS had, lag(grand_sold) OVER w AS had_sold,"
        " lag(until) OVER w AS day FROM fiscal_closings x"
        " WINDOW w AS (PARTITION BY tenant_id, register_id, epoch, period ORDER BY closing_no)) c"
        " WHERE c.closing_no <> c.place OR c.from_number <> coalesce(c.last, 0) + 1"
        " OR c.prev_hash <> coalesce(c.before, decode(repeat('00', 32), 'hex'))"
        " OR c.grand_total <> coalesce(c.had, 0) + c.total OR c.grand_sold <> coalesce(c.had_sold, 0) + c.sold"
        " OR c.until < c.day",
    ),
    Check(
        "I4",
        "closings are the sum of their sales",
        "SELECT c.tenant_id, 'the ' || c.period || ' closing ' || c.closing_no || ' of register ' || c.register_id"
        " || ' is not the sum of its sales' FROM fiscal_closings c LEFT JOIN LATERAL (SELECT count(*) AS n,"
        " count(*) FILTER (WHERE s.kind = 'sale') AS sales, count(*) FILTER (WHERE s.kind = 'void') AS voids,"
        " count(*) FILTER (WHERE s.kind = 'refund') AS refunds, sum(s.base) AS base, sum(s.tax) AS tax,"
        " sum(s.rounding) AS rounding, sum(s.value) AS value, sum(s.total) AS total,"
        " coalesce(sum(s.total) FILTER (WHERE s.kind = 'sale'), 0) AS sold,"
        " (array_agg(s.hash ORDER BY s.number DESC))[1] AS last_hash FROM sales s WHERE s.tenant_id = c.tenant_id"
        " AND s.register_id = c.register_id AND s.epoch = c.epoch AND s.number BETWEEN c.from_number AND c.to_number"
        ") f ON true WHERE f.n <> c.to_number - c.from_number + 1"
        " OR (f.sales, f.voids, f.refunds, f.base, f.tax, f.rounding, f.value, f.total, f.sold, f.last_hash)"
        " IS DISTINCT FROM (c.sales::bigint, c.voids::bigint, c.refunds::bigint, c.base::numeric, c.tax::numeric,"
        " c.rounding::numeric, c.value::numeric, c.total::numeric, c.sold::numeric, c.last_hash)",
    ),
    Check(
        "I1",
        "closed periods exist",
        "SELECT a.tenant_id, a.subject || ' was closed and is not there as it was: ' || x.what FROM audit_events a"
        " CROSS JOIN LATERAL jsonb_array_elements_text(CASE jsonb_typeof(a.data->'closings') WHEN 'array'"
        " THEN a.data->'closings' ELSE '[]' END) AS x(what)"
        " WHERE a.operation = 'fiscal.close_period' AND a.outcome = 'done'"
        " AND NOT EXISTS (SELECT FROM fiscal_closings c JOIN registers r"
        " ON r.tenant_id = c.tenant_id AND r.id = c.register_id WHERE c.tenant_id = a.tenant_id"
        " AND x.what = r.prefix || '/' || c.epoch || '#' || c.closing_no || ':' || encode(c.hash, 'hex')"
        " AND a.subject = 'closing:' || c.period || ':' || c.until AND a.actor_id IS NOT DISTINCT FROM c.closed_by_id)",
    ),
    Check(
        "I1",
        "closings were acknowledged",
        "SELECT c.tenant_id, 'the ' || c.period || ' closing ' || c.closing_no || ' of register ' || c.register_id"
        " || ' has no audit row' FROM fiscal_closings c WHERE NOT EXISTS (SELECT FROM audit_events a"
        " WHERE a.tenant_id = c.tenant_id AND a.operation = 'fiscal.close_period' AND a.outcome = 'done'"
        " AND a.data->>'closings' LIKE '%%' || encode(c.hash, 'hex') || '%%')",
    ),
    Check(
        "I4",
        "deposits are what was paid on orders",
        "SELECT coalesce(o.tenant_id, l.tenant_id), 'open orders hold deposits of ' || coalesce(o.held, 0)"
        " || ', the ledger ' || coalesce(l.held, 0) FROM"
        " (SELECT tenant_id, sum(deposit) AS held FROM orders GROUP BY 1) o"
        " FULL JOIN (SELECT tenant_id, -sum(amount) AS held FROM ledger_entries WHERE account = 'deposit' GROUP BY 1) l"
        " USING (tenant_id) WHERE coalesce(o.held, 0) <> coalesce(l.held, 0)",
    ),
    Check(
        "I4",
        "every sale's ledger balances",
        "SELECT tenant_id, 'sale ' || sale_id || ': debit and credit differ by ' || sum(amount) FROM ledger_entries"
        " GROUP BY tenant_id, sale_id HAVING sum(amount) <> 0",
    ),
    Check(
        "I4",
        "ledger legs match their sale",
        "SELECT coalesce(want.tenant_id, have.tenant_id), 'sale ' || coalesce(want.sale_id, have.sale_id)"
        " || ': account ' || coalesce(want.account, have.account) || ' is not its figures' FROM"
        " (SELECT tenant_id, sale_id, account, sum(amount) AS amount FROM ("
        "SELECT p.tenant_id, p.sale_id, CASE p.kind WHEN 'change' THEN 'cash' WHEN 'account' THEN 'receivable'"
        " ELSE p.kind END AS account, p.amount FROM payments p"
        " UNION ALL SELECT v.tenant_id, v.sale_id, CASE v.kind WHEN 'account' THEN 'receivable' ELSE v.kind END,"
        " -v.total FROM sale_lines v WHERE v.kind <> 'goods'"
        " UNION ALL SELECT t.tenant_id, t.sale_id, 'tax:' || t.code, -t.amount FROM sale_taxes t"
        " UNION ALL SELECT tenant_id, id, 'revenue', -base FROM sales"
        " UNION ALL SELECT tenant_id, id, 'rounding', -rounding FROM sales) x"
        " WHERE NOT EXISTS (SELECT FROM sales i WHERE i.tenant_id = x.tenant_id AND i.id = x.sale_id"
        " AND i.kind = 'imported') GROUP BY 1, 2, 3) want"
        " FULL JOIN (SELECT tenant_id, sale_id, account, sum(amount) AS amount FROM ledger_entries GROUP BY 1, 2, 3)"
        " have USING (tenant_id, sale_id, account) WHERE coalesce(want.amount, 0) <> coalesce(have.amount, 0)",
    ),
    Check(
        "I4",
        "ledger entries are of their sale's day",
        "SELECT e.tenant_id, 'sale ' || s.receipt || ': an entry is of another day' FROM ledger_entries e"
        " JOIN sales s ON s.tenant_id = e.tenant_id AND s.id = e.sale_id WHERE e.business_date <> s.business_date",
    ),
    Check(
        "I4",
        "stock equals its movements",
        "SELECT coalesce(l.tenant_id, m.tenant_id), 'product ' || coalesce(l.product_id, m.product_id) || ': level '"
        " || coalesce(l.quantity::text, 'none') || ', movements ' || coalesce(m.quantity::text, 'none')"
        " FROM stock_levels l FULL JOIN (SELECT tenant_id, outlet_id, product_id, sum(quantity) AS quantity"
        " FROM stock_movements GROUP BY 1, 2, 3) m USING (tenant_id, outlet_id, product_id)"
        " WHERE coalesce(l.quantity, 0) <> coalesce(m.quantity, 0)",
    ),
    Check(
        "I4",
        "a closed shift's figures hold",
        "SELECT h.tenant_id, 'shift ' || h.id || ': expected ' || h.expected || ', booked '"
        " || (h.opening_float + coalesce(c.cash, 0) + coalesce(m.moved, 0)) FROM shifts h"
        " LEFT JOIN (SELECT s.tenant_id, s.shift_id, sum(p.amount) AS cash FROM sales s JOIN payments p"
        " ON p.tenant_id = s.tenant_id AND p.sale_id = s.id AND p.kind IN ('cash', 'change')"
        " AND p.foreign_amount IS NULL"
        " WHERE NOT 'LATE' = ANY(s.flags) GROUP BY 1, 2) c ON c.tenant_id = h.tenant_id AND c.shift_id = h.id"
        " LEFT JOIN (SELECT x.tenant_id, x.shift_id, sum(x.amount) AS moved FROM cash_movements x JOIN tenants t"
        " ON t.id = x.tenant_id AND t.currency = x.currency WHERE NOT x.late GROUP BY 1, 2) m"
        " ON m.tenant_id = h.tenant_id AND m.shift_id = h.id WHERE h.closed_at IS NOT NULL"
        " AND h.expected <> h.opening_float + coalesce(c.cash, 0) + coalesce(m.moved, 0)",
    ),
    Check(
        "I4",
        "a till's shift is what was counted",
        "SELECT h.tenant_id, 'shift ' || h.id || ' is not what its opening and closing said' FROM shifts h"
        " JOIN registers r ON r.tenant_id = h.tenant_id AND r.id = h.register_id"
        f" LEFT JOIN ({_OPENED}) o"
        " ON o.tenant_id = h.tenant_id AND o.subject = 'shift:' || h.id"
        f" LEFT JOIN ({_CLOSED}) c"
        " ON c.tenant_id = h.tenant_id AND c.subject = 'shift:' || h.id"
        f" LEFT JOIN ({_ENDED}) e"
        " ON e.tenant_id = h.tenant_id AND e.subject = 'shift:' || h.id"
        " WHERE (r.kind = 'till' AND (o.subject IS NULL OR o.data->>'register' IS DISTINCT FROM r.prefix"
        " OR o.data->>'opening_float' IS DISTINCT FROM h.opening_float::text"
        " OR o.data->>'business_date' IS DISTINCT FROM h.business_date::text"
        f" OR o.data->>'opened_at' <> {_MOMENT.format('h.opened_at')}"
        " OR o.actor_id IS DISTINCT FROM h.opened_by_id OR o.actor_name <> left(h.opened_by, 200)"
        " OR o.data->>'expected_float' IS DISTINCT FROM h.expected_float::text"
        " OR o.data->>'opening_reason' IS DISTINCT FROM h.opening_reason"
        " OR coalesce(o.data->'rules', '{}') <> h.rules"
        " OR (c.subject IS NULL AND (num_nonnulls(h.reason, h.approved_by, h.approved_by_id) > 0 OR h.taken_out <> 0"
        f" OR h.forced OR (e.data->>'ended_at', e.data->>'ended_by', e.data->>'ended_by_id') IS DISTINCT FROM"
        f" ({_MOMENT.format('h.ended_at')}, h.ended_by, h.ended_by_id::text)))"
        " OR (c.subject IS NULL) <> (h.closed_at IS NULL))) OR c.subject IS NOT NULL AND ("
        f"c.data->>'closed_at' IS DISTINCT FROM {_MOMENT.format('h.closed_at')}"
        " OR c.data->>'z_number' IS DISTINCT FROM h.z_number::text"
        " OR c.data->>'expected' IS DISTINCT FROM h.expected::text"
        " OR c.data->>'counted' IS DISTINCT FROM h.counted::text"
        " OR c.data->>'difference' IS DISTINCT FROM h.difference::text"
        " OR (c.data->>'ended_by', c.data->>'ended_by_id', c.data->>'reason', c.data->>'approved_by',"
        " c.data->>'approved_by_id', c.data->>'ended_at') IS DISTINCT FROM (h.ended_by, h.ended_by_id::text, h.reason,"
        f" h.approved_by, h.approved_by_id::text, {_MOMENT.format('h.ended_at')})"
        " OR coalesce(c.data->>'taken_out', '0') <> h.taken_out::text"
        " OR coalesce(c.data->>'forced', 'false') <> h.forced::text"
        " OR coalesce(c.data->>'closed_by_id', c.actor_id::text) IS DISTINCT FROM h.closed_by_id::text"
        " OR left(coalesce(c.data->>'closed_by', c.actor_name), 200) IS DISTINCT FROM left(h.closed_by, 200))",
    ),
    Check(
        "I4",
        "the server's shifts follow each other, uncounted",
        "SELECT h.tenant_id, 'shift ' || h.id || ' is not one the server makes' FROM (SELECT h.*,"
        " lag(h.closed_at) OVER w AS closed_before, lag(h.closed_by_id) OVER w AS closer_before,"
        " lag(h.closed_by) OVER w AS who_before, lead(h.id) OVER w AS next_id FROM shifts h"
        " JOIN registers r ON r.tenant_id = h.tenant_id AND r.id = h.register_id AND r.kind = 'server'"
        " WINDOW w AS (PARTITION BY h.tenant_id, h.register_id ORDER BY h.z_number NULLS LAST, h.opened_at)) h"
        " LEFT JOIN (SELECT DISTINCT tenant_id, data->>'shift' AS shift, data->>'opened_at' AS opened_at"
        " FROM audit_events WHERE operation = 'sales.book' AND data ? 'opened_at') o"
        " ON o.tenant_id = h.tenant_id AND o.shift = h.id::text"
        " WHERE h.opened_by <> 'server' OR h.opened_by_id IS NOT NULL OR h.opening_float <> 0"
        " OR num_nonnulls(h.expected_float, h.opening_reason) > 0 OR h.rules <> '{}'"
        " OR (h.closed_at IS NULL AND num_nonnulls(h.ended_at, h.ended_by, h.ended_by_id, h.reason, h.approved_by,"
        " h.approved_by_id) > 0) OR (h.closed_at IS NULL AND (h.taken_out <> 0 OR h.forced))"
        " OR (h.closed_by = 'server' AND h.closed_by_id IS NULL AND (num_nonnulls(h.ended_by_id, h.reason,"
        " h.approved_by, h.approved_by_id) > 0 OR h.taken_out <> 0 OR h.forced OR h.ended_at <> h.closed_at"
        " OR h.ended_by <> 'server' OR (h.ended_at IS NULL) <> (h.ended_by IS NULL)))"
        f" OR o.opened_at <> {_MOMENT.format('h.opened_at')}"
        " OR (h.who_before = 'server' AND h.closer_before IS NULL AND h.closed_before <> h.opened_at)"
        " OR (h.closed_at IS NOT NULL AND NOT EXISTS (SELECT FROM audit_events c WHERE c.tenant_id = h.tenant_id"
        f" AND c.operation IN ({_CLOSINGS}) AND c.outcome = 'done' AND c.subject = 'shift:' || h.id)"
        " AND (h.closed_by IS DISTINCT FROM 'server' OR num_nonnulls(h.closed_by_id, h.counted) > 0"
        " OR h.next_id IS NULL))",
    ),
    Check(
        "I4",
        "a closed shift's difference is its count",
        "SELECT h.tenant_id, 'shift ' || h.id || ': its difference is not what was counted less what was expected'"
        " FROM shifts h WHERE CASE WHEN h.closed_at IS NULL THEN num_nonnulls(h.closed_by_id, h.closed_by, h.expected,"
        " h.counted, h.difference, h.z_number) > 0 ELSE h.difference <> coalesce(h.counted - h.expected, 0) END",
    ),
    Check(
        "I3",
        "closings are numbered",
        "SELECT h.tenant_id, 'register ' || h.register_id || ' has ' || count(*) || ' closings up to '"
        " || max(h.z_number) FROM shifts h WHERE h.z_number IS NOT NULL"
        " GROUP BY h.tenant_id, h.register_id HAVING min(h.z_number) <> 1 OR max(h.z_number) <> count(*)",
    ),
    Check(
        "I4",
        "a register books into its open shift",
        "SELECT r.tenant_id, 'register ' || r.prefix || ' books into another shift than the open one' FROM registers r"
        " LEFT JOIN shifts h ON h.tenant_id = r.tenant_id AND h.register_id = r.id AND h.closed_at IS NULL"
        " WHERE h.id IS DISTINCT FROM r.open_shift_id",
    ),
    Check(
        "I2",
        "a sale is of its shift's day",
        "SELECT s.tenant_id, 'sale ' || s.receipt || ' is of another day than its shift' FROM sales s"
        " JOIN shifts h ON h.tenant_id = s.tenant_id AND h.id = s.shift_id"
        " WHERE s.business_date <> h.business_date AND NOT 'DAY_DIFFERS' = ANY(s.flags)",
    ),
    Check(
        "I5",
        "lines belong to their sale's tenant",
        "SELECT l.tenant_id, 'line of sale ' || l.sale_id || ' has no sale in its tenant' FROM sale_lines l"
        " WHERE NOT EXISTS (SELECT FROM sales s WHERE s.tenant_id = l.tenant_id AND s.id = l.sale_id)",
    ),
    Check(
        "I5",
        "a sale's shift is of its register",
        "SELECT s.tenant_id, 'sale ' || s.receipt || ' is in a shift of another register' FROM sales s"
        " JOIN shifts h ON h.tenant_id = s.tenant_id AND h.id = s.shift_id WHERE h.register_id <> s.register_id",
    ),
    *CASH_CHECKS,
    *LOT_CHECKS,
    *STOCK_CHECKS,
    *VALUE_CHECKS,
    *OFFER_CHECKS,
)
