"""What is typed at the till is looked up in an index, under row-level security, as the application's own role."""

from __future__ import annotations

import psycopg
import pytest

from primepos.core.db import run_in_transaction
from primepos.domain.customers import queries
from primepos.domain.customers.service import load_customers


@pytest.mark.parametrize(
    ("sql", "index", "condition"),
    [
        (f"{queries._EXACT} c.number = %(number)s", "customers_tenant_id_number_key", "number = "),
        (f"{queries._EXACT} c.email_hash = ANY(%(hashes)s::bytea[])", "customers_email_hash_idx", "email_hash = "),
        (f"{queries._EXACT} c.phone_hash = ANY(%(hashes)s::bytea[])", "customers_phone_hash_idx", "phone_hash = "),
        (queries.near_sql(2), "customer_words_", "word >= "),
    ],
    ids=["number", "email", "phone", "words"],
)
def test_a_lookup_is_an_index_condition(app, shop, cluster, database_url, sql, index, condition):
    given = [
        {"key": str(n), "name": f"Ana {n}", "email": f"ana{n}@example.org", "phone": f"030 12345{n:02}"}
        for n in range(60)
    ]
    app.run(load_customers, shop.owner, {"source": "x", "rows": given})
    with psycopg.connect(cluster.admin_url(database_url.rpartition("/")[2]), autocommit=True) as admin:
        admin.execute("ANALYZE customers, customer_words")
    values = {
        "tenant": shop.tenant_id, "number": "1", "hashes": [b"x" * 16],
        "word0": "ana", "end0": "anb", "word1": "m", "end1": "n",
    }  # fmt: skip

    def explain(uow):
        # A handful of rows is read whole, whatever index there is; what may not be used is not used now either.
        uow.rows("SELECT set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true)")
        return [row["QUERY PLAN"] for row in uow.rows(f"EXPLAIN {sql}", values)]

    plan = run_in_transaction(lambda: app.database.tenant(shop.tenant_id, read_only=True), explain)
    found = [line for line in plan if "Index Cond" in line and condition in line]
    assert found, plan
    assert any(index in line for line in plan), plan
    assert not [line for line in plan if "Filter" in line and condition in line], plan
