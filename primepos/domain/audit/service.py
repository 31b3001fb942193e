"""Reading the trail. Nothing here writes to it: the runner does, with every act."""

import msgspec

from primepos.core.context import Context
from primepos.core.operations import operation
from primepos.core.permissions import Permission
from primepos.domain.audit.queries import InvalidCursor, page_of_events
from primepos.domain.audit.schemas import AuditPage, AuditRow, ListAudit


@operation("audit.list", permission=Permission.AUDIT_READ, reads=True, raises=(InvalidCursor,))
def list_audit(ctx: Context, data: ListAudit) -> AuditPage:
    """List what was done and what was refused in the tenant, newest first, a page at a time.

    Raises InvalidCursor.
    """
    filters = msgspec.structs.asdict(data)
    after, limit = filters.pop("after"), filters.pop("limit")
    rows, following = page_of_events(ctx.uow, ctx.tenant_id, filters, after=after, limit=limit)
    return AuditPage(items=[msgspec.convert(row, AuditRow) for row in rows], next=following)
