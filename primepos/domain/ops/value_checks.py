# ruff: noqa: S608  every question is put together from constants of this module
"""The auditor's questions about value: gift cards, store credit, customer accounts, points, and what is authorised.

Entries are only ever added, and sealed in the trail with the act that wrote them; balances are added up again; what
sales did to value is what their payments and lines say.
"""

from __future__ import annotations

from typing import Final

from primepos.domain.ops.question import Check
from primepos.domain.values.ledger import SEAL

_SEALED: Final = (
    "SELECT a.tenant_id, x.key AS id, x.value AS seal FROM audit_events a"
    " CROSS JOIN LATERAL jsonb_each_text(CASE jsonb_typeof(a.data->'value_seals') WHEN 'object'"
    " THEN a.data->'value_seals' ELSE '{}' END) AS x WHERE a.outcome = 'done' AND a.data ? 'value_seals'"
)
# The account of the ledger that each kind is kept on.
_LEDGER: Final = "CASE v.kind WHEN 'account' THEN 'receivable' ELSE v.kind END"
_SAID: Final = (
    "SELECT DISTINCT ON (a.tenant_id, a.subject) a.tenant_id, a.subject, a.data FROM audit_events a"
    " WHERE a.outcome = 'done' AND a.subject LIKE 'value:%' AND a.data ? '{key}'"
    " ORDER BY a.tenant_id, a.subject, a.id DESC"
)

VALUE_CHECKS = (
    Check(
        "I4",
        "value is as the trail has it",
        "SELECT coalesce(w.tenant_id, k.tenant_id), 'entry ' || coalesce(w.id, k.id) || ' is not what was acknowledged'"
        f" FROM (SELECT e.tenant_id, e.account_id || ':' || e.entry_no AS id, {SEAL} AS seal FROM value_entries e"
        " JOIN value_accounts v ON v.tenant_id = e.tenant_id AND v.id = e.account_id) w"
        f" FULL JOIN ({_SEALED}) k ON k.tenant_id = w.tenant_id AND k.id = w.id"
        " WHERE w.seal IS DISTINCT FROM k.seal",
    ),
    Check(
        "I4",
        "a balance is the sum of its entries",
        "SELECT coalesce(v.tenant_id, e.tenant_id), 'account ' || coalesce(v.id, e.account_id) || ' holds '"
        " || coalesce(v.balance::text, 'nothing') || ', its entries come to ' || coalesce(e.amount::text, 'nothing')"
        " FROM value_accounts v FULL JOIN (SELECT tenant_id, account_id, sum(amount) AS amount, count(*) AS n,"
        " max(entry_no) AS last FROM value_entries GROUP BY 1, 2) e"
        " ON e.tenant_id = v.tenant_id AND e.account_id = v.id"
        " WHERE v.id IS NULL OR v.balance <> coalesce(e.amount, 0) OR v.entries <> coalesce(e.n, 0)"
        " OR coalesce(e.last, 0) <> coalesce(e.n, 0)",
    ),
    Check(
        "I4",
        "the entries of an account follow each other",
        "SELECT e.tenant_id, 'entry ' || e.entry_no || ' of account ' || e.account_id"
        " || ' does not follow the one before it' FROM (SELECT x.*, row_number() OVER w AS place,"
        " sum(x.amount) OVER w AS came FROM value_entries x"
        " WINDOW w AS (PARTITION BY tenant_id, account_id ORDER BY entry_no)) e"
        " WHERE e.entry_no <> e.place OR e.balance <> e.came",
    ),
    Check(
        "I4",
        "what is held is what is authorised",
        "SELECT v.tenant_id, 'account ' || v.id || ' holds back ' || v.held || ', authorised are '"
        " || coalesce(a.amount, 0) FROM value_accounts v LEFT JOIN (SELECT tenant_id, account_id, sum(amount) AS amount"
        " FROM authorisations WHERE state = 'held' AND account_id IS NOT NULL GROUP BY 1, 2) a"
        " ON a.tenant_id = v.tenant_id AND a.account_id = v.id WHERE v.held <> coalesce(a.amount, 0)",
    ),
    Check(
        "I4",
        "nobody has less than nothing",
        "SELECT v.tenant_id, 'account ' || v.id || ' is below zero' FROM value_accounts v"
        " WHERE v.balance < 0 AND v.kind <> 'account' AND NOT EXISTS (SELECT FROM value_entries e"
        " WHERE e.tenant_id = v.tenant_id AND e.account_id = v.id AND e.is_forced)",
    ),
    Check(
        "I4",
        "limits and blocks are as they were set",
        "SELECT v.tenant_id, 'account ' || v.id || ' has a limit that nobody gave it' FROM value_accounts v"
        f" LEFT JOIN ({_SAID.format(key='limit')}) a ON a.tenant_id = v.tenant_id AND a.subject = 'value:' || v.id"
        " WHERE coalesce(a.data->>'limit', '0') <> (-v.floor)::text"
        " UNION ALL SELECT v.tenant_id, 'account ' || v.id || ' is ' || v.state || ', which nobody made it'"
        f" FROM value_accounts v LEFT JOIN ({_SAID.format(key='state')}) a"
        " ON a.tenant_id = v.tenant_id AND a.subject = 'value:' || v.id"
        " WHERE CASE v.state WHEN 'closed' THEN v.balance <> 0 OR v.held <> 0"
        " ELSE v.state <> coalesce(a.data->>'state', 'active') END",
    ),
    Check(
        "I4",
        "value moved as the ledger has it",
        "SELECT coalesce(want.tenant_id, have.tenant_id), 'sale ' || coalesce(want.sale_id, have.sale_id)"
        " || ': its ' || coalesce(want.account, have.account) || ' is not what moved' FROM"
        " (SELECT l.tenant_id, l.sale_id, l.account, sum(l.amount) AS amount FROM ledger_entries l"
        " JOIN sales s ON s.tenant_id = l.tenant_id AND s.id = l.sale_id AND NOT 'VALUE_UNKNOWN' = ANY(s.flags)"
        " WHERE l.account IN ('gift_card', 'store_credit', 'receivable', 'points') GROUP BY 1, 2, 3) want"
        f" FULL JOIN (SELECT e.tenant_id, e.sale_id, {_LEDGER} AS account,"
        " sum(CASE v.kind WHEN 'points' THEN coalesce(e.worth, 0) ELSE -e.amount END) AS amount"
        " FROM value_entries e JOIN value_accounts v ON v.tenant_id = e.tenant_id AND v.id = e.account_id"
        " JOIN sales s ON s.tenant_id = e.tenant_id AND s.id = e.sale_id AND NOT 'VALUE_UNKNOWN' = ANY(s.flags)"
        " WHERE e.sale_id IS NOT NULL GROUP BY 1, 2, 3) have"
        " ON have.tenant_id = want.tenant_id AND have.sale_id = want.sale_id AND have.account = want.account"
        " WHERE coalesce(want.amount, 0) <> coalesce(have.amount, 0)",
    ),
    Check(
        "I4",
        "what was captured was taken",
        "SELECT a.tenant_id, 'authorisation ' || a.id || ' was captured and nothing was taken' FROM authorisations a"
        " WHERE a.state = 'captured' AND a.account_id IS NOT NULL AND a.captured IS DISTINCT FROM ("
        "SELECT -sum(e.amount) FROM value_entries e WHERE e.tenant_id = a.tenant_id AND e.account_id = a.account_id"
        " AND e.authorisation_id = a.id)",
    ),
)
