# ruff: noqa: S608  every question is put together from constants of this module
"""The auditor's questions about drawers, safes and Z reports.

What is only ever added is sealed in the trail by whoever wrote it; what is a sum is added up again.
"""

from __future__ import annotations

from typing import Final

from primepos.domain.cash.seals import SEALS
from primepos.domain.ops.question import Check

_SEALED: Final = (
    "SELECT a.tenant_id, x.key AS id, x.value AS seal FROM audit_events a"
    " CROSS JOIN LATERAL jsonb_each_text(CASE jsonb_typeof(a.data->'seals') WHEN 'object' THEN a.data->'seals'"
    " ELSE '{}' END) AS x WHERE a.outcome = 'done' AND a.operation LIKE 'cash.%%' AND a.data ? 'seals'"
)
_TILLS: Final = (
    # The server closes its own shifts while it books a sale; their figures are added up below.
    " z WHERE EXISTS (SELECT FROM registers r JOIN shifts h ON h.tenant_id = r.tenant_id AND h.register_id = r.id"
    " WHERE h.tenant_id = z.tenant_id AND h.id = z.shift_id AND (r.kind = 'till' OR h.closed_by <> 'server'))"
)
_ROWS: Final = (
    f"SELECT tenant_id, 'cash_movements:' || id AS id, {SEALS['cash_movements']} AS seal FROM cash_movements"
    f" UNION ALL SELECT tenant_id, 'cash_counts:' || id, {SEALS['cash_counts']} FROM cash_counts"
    f" UNION ALL SELECT tenant_id, 'cash_variances:' || id, {SEALS['cash_variances']} FROM cash_variances"
    f" UNION ALL SELECT tenant_id, 'safe_entries:' || id, {SEALS['safe_entries']} FROM safe_entries"
    f" UNION ALL SELECT tenant_id, 'shift_reports:' || shift_id, {SEALS['shift_reports']} FROM shift_reports{_TILLS}"
)
_HOME: Final = "(SELECT t.currency FROM tenants t WHERE t.id = h.tenant_id)"

CASH_CHECKS = (
    Check(
        "I4",
        "cash is as the trail has it",
        "SELECT coalesce(w.tenant_id, k.tenant_id), coalesce(w.id, k.id) || ' is not what was acknowledged'"
        f" FROM ({_ROWS}) w FULL JOIN ({_SEALED}) k ON k.tenant_id = w.tenant_id AND k.id = w.id"
        " WHERE w.seal IS DISTINCT FROM k.seal",
    ),
    Check(
        "I4",
        "a safe holds the sum of its entries",
        "SELECT coalesce(s.tenant_id, e.tenant_id), 'the safe of outlet ' || coalesce(s.outlet_id, e.outlet_id)"
        " || ' holds ' || coalesce(s.balance::text, 'nothing') || ', its entries come to '"
        " || coalesce(e.amount::text, 'nothing') FROM safes s FULL JOIN (SELECT tenant_id, outlet_id, currency,"
        " sum(amount) AS amount, count(*) AS n, max(entry_no) AS last FROM safe_entries GROUP BY 1, 2, 3) e"
        " USING (tenant_id, outlet_id, currency) WHERE coalesce(s.balance, 0) <> coalesce(e.amount, 0)"
        " OR coalesce(s.entries, 0) <> coalesce(e.n, 0) OR coalesce(e.last, 0) <> coalesce(e.n, 0)",
    ),
    Check(
        "I4",
        "the entries of a safe follow each other",
        "SELECT e.tenant_id, 'entry ' || e.entry_no || ' of the safe of outlet ' || e.outlet_id"
        " || ' does not follow the one before it' FROM (SELECT x.*, row_number() OVER w AS place,"
        " sum(x.amount) OVER w AS came FROM safe_entries x"
        " WINDOW w AS (PARTITION BY tenant_id, outlet_id, currency ORDER BY entry_no)) e"
        " WHERE e.entry_no <> e.place OR e.balance <> e.came",
    ),
    Check(
        "I4",
        "what leaves a drawer for the safe is in it",
        "SELECT coalesce(m.tenant_id, e.tenant_id), 'drop or loan ' || coalesce(m.id, e.id)"
        " || ' is not the same in drawer and safe' FROM"
        " (SELECT tenant_id, id, shift_id, currency, kind, amount FROM cash_movements WHERE kind IN ('drop', 'loan')) m"
        " FULL JOIN (SELECT tenant_id, id, shift_id, currency, kind, amount FROM safe_entries"
        " WHERE kind IN ('drop', 'loan')) e ON e.tenant_id = m.tenant_id AND e.id = m.id"
        " WHERE (m.shift_id, m.currency, m.kind, m.amount) IS DISTINCT FROM (e.shift_id, e.currency, e.kind, -e.amount)"
        " UNION ALL SELECT h.tenant_id, 'shift ' || h.id || ' took out ' || h.taken_out || ', the safe got '"
        " || coalesce(e.amount, 0) FROM shifts h LEFT JOIN (SELECT tenant_id, shift_id, currency, sum(amount) AS amount"
        " FROM safe_entries WHERE kind = 'closing' GROUP BY 1, 2, 3) e ON e.tenant_id = h.tenant_id"
        f" AND e.shift_id = h.id AND e.currency = {_HOME} WHERE h.taken_out <> coalesce(e.amount, 0)",
    ),
    Check(
        "I4",
        "every difference is booked",
        "SELECT h.tenant_id, 'shift ' || h.id || ': its differences are not booked as they are' FROM shifts h"
        " LEFT JOIN (SELECT v.tenant_id, v.shift_id, sum(v.amount) FILTER (WHERE v.kind = 'opening') AS opening,"
        " sum(v.amount) FILTER (WHERE v.kind = 'closing') AS closing,"
        " sum(v.amount) FILTER (WHERE v.kind = 'adjustment') AS adjusted FROM cash_variances v"
        " JOIN tenants t ON t.id = v.tenant_id AND t.currency = v.currency WHERE v.tender = 'cash' GROUP BY 1, 2) v"
        " ON v.tenant_id = h.tenant_id AND v.shift_id = h.id"
        " LEFT JOIN (SELECT a.tenant_id, a.shift_id, sum(a.counted_after - a.counted_before) AS amount"
        " FROM cash_adjustments a JOIN tenants t ON t.id = a.tenant_id AND t.currency = a.currency"
        " WHERE a.confirmed GROUP BY 1, 2) a ON a.tenant_id = h.tenant_id AND a.shift_id = h.id"
        " WHERE coalesce(v.opening, 0) <> coalesce(h.opening_float - h.expected_float, 0)"
        " OR coalesce(v.adjusted, 0) <> coalesce(a.amount, 0) OR (coalesce(v.closing, 0) <> coalesce(h.difference, 0)"
        # Closed before differences were booked.
        " AND EXISTS (SELECT FROM shift_reports z WHERE z.tenant_id = h.tenant_id AND z.shift_id = h.id))",
    ),
    Check(
        "I4",
        "a Z is what its shift's records add up to",
        "SELECT z.tenant_id, 'Z ' || z.z_number || ' of shift ' || z.shift_id || ' is not the sum of its records'"
        " FROM shift_reports z LEFT JOIN shifts h ON h.tenant_id = z.tenant_id AND h.id = z.shift_id"
        " LEFT JOIN LATERAL (SELECT count(*) FILTER (WHERE s.kind = 'sale') AS sales,"
        " count(*) FILTER (WHERE s.kind = 'void') AS voids, count(*) FILTER (WHERE s.kind = 'refund') AS refunds,"
        " coalesce(sum(s.base), 0) AS base, coalesce(sum(s.tax), 0) AS tax, coalesce(sum(s.rounding), 0) AS rounding,"
        " coalesce(sum(s.value), 0) AS value, coalesce(sum(s.total), 0) AS total FROM sales s"
        " WHERE s.tenant_id = z.tenant_id AND s.shift_id = z.shift_id AND NOT 'LATE' = ANY(s.flags)) f ON true"
        " WHERE (z.register_id, z.z_number) IS DISTINCT FROM (h.register_id, h.z_number::bigint)"
        " OR z.made_at IS DISTINCT FROM h.closed_at"
        " OR (z.figures->>'sales', z.figures->>'voids', z.figures->>'refunds', z.figures->>'base', z.figures->>'tax',"
        " z.figures->>'rounding', z.figures->>'value', z.figures->>'total', z.figures->'shift'->>'expected',"
        " z.figures->'shift'->>'counted', z.figures->'shift'->>'difference', z.figures->'shift'->>'z_number')"
        " IS DISTINCT FROM (f.sales::text, f.voids::text, f.refunds::text, f.base::text, f.tax::text, f.rounding::text,"
        " f.value::text, f.total::text, h.expected::text, h.counted::text, h.difference::text, h.z_number::text)",
    ),
    Check(
        "I3",
        "every closing since the first stored one has its Z",
        "SELECT h.tenant_id, 'Z ' || h.z_number || ' of shift ' || h.id || ' is not there' FROM shifts h"
        " JOIN (SELECT tenant_id, register_id, min(z_number) AS first FROM shift_reports GROUP BY 1, 2) z"
        " ON z.tenant_id = h.tenant_id AND z.register_id = h.register_id AND h.z_number >= z.first"
        " WHERE NOT EXISTS (SELECT FROM shift_reports k WHERE k.tenant_id = h.tenant_id AND k.shift_id = h.id)",
    ),
    Check(
        "I4",
        "an adjustment has two people",
        "SELECT a.tenant_id, 'adjustment ' || a.id || ' was decided by who proposed it, or before it was proposed'"
        " FROM cash_adjustments a WHERE a.confirmed IS NOT NULL AND (a.decided_at < a.proposed_at"
        " OR (a.proposed_by_id IS NULL AND a.decided_by_id IS NULL))",
    ),
)
