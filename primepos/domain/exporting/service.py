"""Everything a shop has, as tables, a part at a time: whoever reads puts the parts together and holds nothing up."""

from __future__ import annotations

from primepos.core.context import Context
from primepos.core.errors import PermissionDenied
from primepos.core.operations import Nothing, operation
from primepos.core.permissions import Permission
from primepos.core.sealed_fields import FieldKeyMissing
from primepos.domain.exporting import queries
from primepos.domain.exporting.datasets import CUSTOMERS, CUSTOMERS_TITLE, DATASETS, NAMES
from primepos.domain.exporting.errors import NotByDay, UnknownDataset
from primepos.domain.exporting.schemas import AskPart, DatasetList, DatasetOut, PartOut


@operation("exporting.list_datasets", permission=Permission.REPORT_EXPORT, reads=True)
def list_datasets(ctx: Context, data: Nothing) -> DatasetList:
    """List the tables that can be exported, and whether the one who asks may have each."""
    del data
    rows = []
    for name in NAMES:
        needed = _needed(name)
        rows.append(
            DatasetOut(
                name=name,
                title=CUSTOMERS_TITLE if name == CUSTOMERS else DATASETS[name].title,
                permissions=[each.value for each in needed],
                by_day=name != CUSTOMERS and DATASETS[name].day is not None,
                is_open=all(ctx.identity.can(each) for each in needed),
            )
        )
    return DatasetList(rows=rows)


@operation(
    "exporting.read_part",
    permission=Permission.REPORT_EXPORT,
    reads=True,
    raises=(UnknownDataset, NotByDay, PermissionDenied, FieldKeyMissing),
)
def read_part(ctx: Context, data: AskPart) -> PartOut:
    """Give the next rows of a table; who may not read what is in it is refused, and one's own outlets are all one gets.

    Each part is a transaction of its own, so nothing is held up however slowly they are fetched.
    """
    if data.dataset not in NAMES:
        raise UnknownDataset(dataset=data.dataset, datasets=", ".join(NAMES))
    for permission in _needed(data.dataset):
        if not ctx.identity.can(permission):
            raise PermissionDenied(permission=permission.value)
    by_day = data.from_on is not None or data.to_on is not None
    if data.dataset == CUSTOMERS:
        if by_day:
            raise NotByDay(dataset=data.dataset)
        return queries.read_customers(ctx, data)
    dataset = DATASETS[data.dataset]
    if by_day and dataset.day is None:
        raise NotByDay(dataset=data.dataset)
    return queries.read_part(ctx, dataset, data)


def _needed(name: str) -> tuple[Permission, ...]:
    return (Permission.CUSTOMER_READ,) if name == CUSTOMERS else DATASETS[name].permissions
