"""Records whose customer is another than was booked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from primepos.core.embedded.cluster import Cluster


@pytest.fixture
def belongs(cluster: Cluster, database_url: str) -> Iterator[Callable[[UUID, UUID], None]]:
    """Say whose a booked sale is, past every rule: ``belongs(sale_id, customer_id)``."""
    with psycopg.connect(cluster.admin_url(database_url.rpartition("/")[2]), autocommit=True) as admin:
        yield lambda sale, customer: admin.execute("UPDATE sales SET customer_id = %s WHERE id = %s", (customer, sale))
