"""Operations on customers: profile, consent, history, merging, erasing, taking in, and the groups they are in.

The audit trail names a customer by id and says which fields changed, never what stands in them: it outlives whoever is
erased.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from primepos.core.context import Context
from primepos.core.errors import ApprovalRequired, PermissionDenied
from primepos.core.ids import new_id
from primepos.core.operations import operation
from primepos.core.permissions import Permission
from primepos.core.sealed_fields import FieldKeyMissing
from primepos.core.security import InvalidEmail
from primepos.domain.customers import queries, recording, resealing
from primepos.domain.customers.errors import (
    CustomerConflict,
    CustomerErased,
    CustomerGroupNotFound,
    CustomerHeld,
    CustomerMerged,
    CustomerNotFound,
    CustomerNumberTaken,
    DuplicateCustomerGroup,
    InvalidPhone,
    SameCustomer,
    StaleCustomer,
)
from primepos.domain.customers.intake import take_in
from primepos.domain.customers.joining import erase_person, merge_records, required
from primepos.domain.customers.schemas import (
    AskHistory,
    ConsentList,
    CreateCustomer,
    CreateCustomerGroup,
    CustomerData,
    CustomerGroupList,
    CustomerGroupOut,
    CustomerHits,
    CustomerOut,
    CustomerPage,
    CustomersLoaded,
    EraseCustomer,
    Erased,
    FindCustomer,
    HistoryPage,
    ListCustomerGroups,
    ListCustomers,
    LoadCustomers,
    MergeCustomers,
    NameCustomer,
    RecordConsent,
    ResealCustomers,
    Resealed,
    SearchCustomers,
    UpdateCustomer,
    UpdateCustomerGroup,
)
from primepos.domain.customers.standing import standing_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

# What somebody else pays for: prices of their own, and no tax.
_TERMS = {
    "groups": Permission.PRICELIST_WRITE,
    "price_list": Permission.PRICELIST_WRITE,
    "tax_exempt": Permission.SALE_TAX_OVERRIDE,
    "exemption_number": Permission.SALE_TAX_OVERRIDE,
    "exempt_until": Permission.SALE_TAX_OVERRIDE,
}
_NEW = (
    CustomerNumberTaken,
    CustomerGroupNotFound,
    InvalidEmail,
    InvalidPhone,
    PermissionDenied,
    ApprovalRequired,
    FieldKeyMissing,
)


def _require_terms(ctx: Context, changed: Iterable[str]) -> None:
    """See that whoever asks may give away what these fields give away. Raises ``PERMISSION_DENIED`` and so on."""
    for permission in sorted({_TERMS[name] for name in changed if name in _TERMS}):
        ctx.require(permission)


@operation("customers.create", permission=Permission.CUSTOMER_WRITE, raises=(CustomerConflict, *_NEW))
def create_customer(ctx: Context, data: CreateCustomer) -> CustomerOut:
    """Add a customer. Safe to repeat with an ``id`` of the caller's own: the same again answers with the record.

    Without a number the next free one is given. Raises: ``CUSTOMER_CONFLICT`` (other data under this id before),
    ``CUSTOMER_NUMBER_TAKEN``, ``CUSTOMER_GROUP_NOT_FOUND``, ``INVALID_EMAIL``, ``INVALID_PHONE``; groups and price list
    need ``pricelist:write``, a tax exemption ``sale:tax_override``.
    """
    customer_id = data.id or new_id()
    ctx.note(queries.subject_of(customer_id))
    if data.id is not None and (known := recording.lock_records(ctx, [customer_id])):
        return _repeated(ctx, known[customer_id], data)
    profile = {name: getattr(data, name) for name in recording.PROFILE}
    given = [name for name, value in profile.items() if value not in {None, False}]
    _require_terms(ctx, [*given, *(["groups"] if data.groups else [])])
    groups = recording.group_ids(ctx, data.groups)
    if data.number is None:
        (profile["number"],) = recording.take_numbers(ctx, 1)
    else:
        recording.pass_numbers(ctx, [data.number])
    fresh = recording.Fresh(customer_id, profile, request_hash=recording.request_hash(ctx, data))
    if not recording.add_records(ctx, [fresh]):
        # A twin with the same id was faster by a moment.
        return _repeated(ctx, recording.lock_records(ctx, [customer_id])[customer_id], data)
    recording.join_groups(ctx, {customer_id: data.groups}, groups)
    ctx.note(queries.subject_of(customer_id), fields=sorted([*given, *(["groups"] if data.groups else [])]))
    return queries.get_customer(ctx, customer_id)


def _repeated(ctx: Context, record: recording.Stored, data: CreateCustomer) -> CustomerOut:
    if not recording.is_same_request(ctx, record.request_hash, data):
        raise CustomerConflict
    ctx.note(queries.subject_of(record.id), replayed=True)
    return queries.get_customer(ctx, record.id)


@operation(
    "customers.update",
    permission=Permission.CUSTOMER_WRITE,
    raises=(CustomerNotFound, StaleCustomer, CustomerMerged, CustomerErased, *_NEW),
)
def update_customer(ctx: Context, data: UpdateCustomer) -> CustomerOut:
    """Change a customer; what is left out stays, null empties.

    With ``version`` given, nothing is changed if somebody else changed the customer since. What is the same already
    makes no new version. Raises: ``CUSTOMER_NOT_FOUND``, ``STALE_CUSTOMER``, ``CUSTOMER_MERGED``,
    ``CUSTOMER_ERASED``, ``CUSTOMER_NUMBER_TAKEN``, ``CUSTOMER_GROUP_NOT_FOUND``, ``INVALID_EMAIL``,
    ``INVALID_PHONE``, and ``PERMISSION_DENIED`` as in ``customers.create``.
    """
    ctx.note(queries.subject_of(data.id))
    if isinstance(data.number, str):
        recording.pass_numbers(ctx, [data.number])
    record = required(recording.lock_records(ctx, [data.id]), data.id)
    if data.version is not None and data.version != record.version:
        raise StaleCustomer(version=record.version)
    changes = _changes(data, record.profile)
    regrouped = data.groups is not UNSET and sorted(set(data.groups)) != record.groups
    fields = sorted([*changes, *(["groups"] if regrouped else [])])
    if not fields:
        return queries.get_customer(ctx, data.id)
    _require_terms(ctx, fields)
    if regrouped and data.groups is not UNSET:
        groups = recording.group_ids(ctx, data.groups)
        recording.leave_groups(ctx, [data.id])
        recording.join_groups(ctx, {data.id: data.groups}, groups)
    unlisted = [data.id] if record.archived_at else []
    recording.change_records(ctx, {data.id: {**record.profile, **changes}}, unlisted=unlisted)
    ctx.note(queries.subject_of(data.id), fields=fields)
    return queries.get_customer(ctx, data.id)


def _changes(data: UpdateCustomer, stored: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that are given and differ; without an exemption there is no number and no end of one."""
    given = {name: value for name in recording.PROFILE if (value := getattr(data, name)) is not UNSET}
    if not given.get("tax_exempt", stored["tax_exempt"]):
        given |= {"exemption_number": None, "exempt_until": None}
    return {name: value for name, value in given.items() if value != stored[name]}


@operation("customers.get", permission=Permission.CUSTOMER_READ, raises=(CustomerNotFound, FieldKeyMissing), reads=True)
def get_customer(ctx: Context, data: FindCustomer) -> CustomerOut:
    """Show a customer by id or number; for a record that was merged, the one it became.

    Raises: ``CUSTOMER_NOT_FOUND``.
    """
    return queries.get_customer(ctx, data.id, data.number)


@operation(
    "customers.list", permission=Permission.CUSTOMER_READ, raises=(CustomerGroupNotFound, FieldKeyMissing), reads=True
)
def list_customers(ctx: Context, data: ListCustomers) -> CustomerPage:
    """List customers by name, a page at a time; of one group if asked. Raises: ``CUSTOMER_GROUP_NOT_FOUND``."""
    return queries.list_customers(ctx, data)


@operation("customers.search", permission=Permission.CUSTOMER_READ, raises=(FieldKeyMissing,), reads=True)
def search_customers(ctx: Context, data: SearchCustomers) -> CustomerHits:
    """Find customers by number, e-mail or phone, or by beginnings of words of name and company; best first.

    Capitals and accents make no difference, nor does a phone number's country. Nothing to look for finds nothing.
    """
    return CustomerHits(items=queries.search_customers(ctx, data.query, data.limit))


@operation(
    "customers.archive",
    permission=Permission.CUSTOMER_WRITE,
    raises=(CustomerNotFound, CustomerMerged, CustomerErased, FieldKeyMissing),
)
def archive_customer(ctx: Context, data: NameCustomer) -> CustomerOut:
    """Take a customer out of lists and search; everything about them stays. Again changes nothing.

    Raises: ``CUSTOMER_NOT_FOUND``, ``CUSTOMER_MERGED``, ``CUSTOMER_ERASED``.
    """
    return _set_archived(ctx, data.id, archived=True)


@operation(
    "customers.unarchive",
    permission=Permission.CUSTOMER_WRITE,
    raises=(CustomerNotFound, CustomerMerged, CustomerErased, FieldKeyMissing),
)
def unarchive_customer(ctx: Context, data: NameCustomer) -> CustomerOut:
    """Put an archived customer back. Raises: ``CUSTOMER_NOT_FOUND``, ``CUSTOMER_MERGED``, ``CUSTOMER_ERASED``."""
    return _set_archived(ctx, data.id, archived=False)


def _set_archived(ctx: Context, customer_id: UUID, *, archived: bool) -> CustomerOut:
    record = required(recording.lock_records(ctx, [customer_id]), customer_id)
    ctx.note(queries.subject_of(customer_id))
    if (record.archived_at is not None) != archived:
        recording.set_archived(ctx, record, archived=archived)
    return queries.get_customer(ctx, customer_id)


@operation(
    "customers.consent",
    permission=Permission.CUSTOMER_WRITE,
    raises=(CustomerNotFound, CustomerMerged, CustomerErased, FieldKeyMissing),
)
def record_consent(ctx: Context, data: RecordConsent) -> CustomerOut:
    """Write down that a customer agreed to be written to, called or looked at for marketing, or no longer does.

    What was written down stays for ever; the latest word counts, and the same word again adds nothing. Raises:
    ``CUSTOMER_NOT_FOUND``, ``CUSTOMER_MERGED``, ``CUSTOMER_ERASED``.
    """
    required(recording.lock_records(ctx, [data.id]), data.id)
    ctx.note(queries.subject_of(data.id), purpose=data.purpose, given=data.given, how=data.how)
    before = queries.get_customer(ctx, data.id)
    if (data.purpose in before.consents) == data.given and (
        data.given or (data.id, data.purpose) in queries.purposes_told(ctx, [data.id])
    ):
        return before
    recording.add_consents(ctx, [(data.id, data.purpose)], given=data.given, how=data.how)
    return queries.get_customer(ctx, data.id)


@operation("customers.consents", permission=Permission.CUSTOMER_READ, raises=(CustomerNotFound,), reads=True)
def list_consents(ctx: Context, data: NameCustomer) -> ConsentList:
    """List everything a customer ever agreed to or withdrew, oldest first. Raises: ``CUSTOMER_NOT_FOUND``."""
    standing = standing_of(ctx.uow, ctx.tenant_id, data.id)
    return ConsentList(items=queries.list_consents(ctx, standing.ids))


@operation("customers.history", permission=Permission.CUSTOMER_READ, raises=(CustomerNotFound,), reads=True)
def customer_history(ctx: Context, data: AskHistory) -> HistoryPage:
    """List what a customer bought and brought back, newest first, with visits, money spent and the last visit.

    What was bought under a record that was merged into this one counts. Whoever works in some outlets sees the sales
    of those; the totals are over all. Raises: ``CUSTOMER_NOT_FOUND``.
    """
    standing = standing_of(ctx.uow, ctx.tenant_id, data.id)
    items, mark = queries.bought(ctx, standing.ids, data)
    return HistoryPage(items=items, totals=queries.totals_of(ctx, standing.ids), next=mark)


@operation(
    "customers.merge",
    permission=Permission.CUSTOMER_WRITE,
    raises=(CustomerNotFound, SameCustomer, CustomerMerged, CustomerErased, FieldKeyMissing),
)
def merge_customers(ctx: Context, data: MergeCustomers) -> CustomerOut:
    """Make two records of one person one, and show the one that stays. Cannot be undone; again changes nothing.

    ``into`` keeps what it has and is given what it lacks; groups are united. Sales and accounts stay where they are
    and are found through the survivor, as is the old number. Raises: ``CUSTOMER_NOT_FOUND``, ``SAME_CUSTOMER``,
    ``CUSTOMER_MERGED`` (one of them was merged before), ``CUSTOMER_ERASED``.
    """
    ctx.note(queries.subject_of(data.into), merged=str(data.id))
    fields = merge_records(ctx, data.id, data.into)
    ctx.note(queries.subject_of(data.into), fields=fields)
    return queries.get_customer(ctx, data.into)


@operation(
    "customers.erase",
    permission=Permission.CUSTOMER_ERASE,
    raises=(CustomerNotFound, CustomerHeld, CustomerMerged, FieldKeyMissing),
)
def erase_customer(ctx: Context, data: EraseCustomer) -> Erased:
    """Erase a person for good: everything that says who they are is overwritten, in every record merged into theirs.

    What the law keeps stays without the person: sealed sales, amounts, the dates of consents. Backups hold the person
    until they are old enough to be thrown away. Again answers as before. Raises: ``CUSTOMER_NOT_FOUND``,
    ``CUSTOMER_HELD`` while a balance is open, ``CUSTOMER_MERGED`` (is being merged at this moment).
    """
    done = erase_person(ctx, data.id)
    ctx.note(queries.subject_of(done.id), records=len(done.ids), replayed=done.was_before)
    sales = queries.count_sales(ctx, done.ids)
    return Erased(id=done.id, erased_at=done.erased_at, records=len(done.ids), sales=sales)


@operation(
    "customers.data", permission=Permission.CUSTOMER_READ, raises=(CustomerNotFound, FieldKeyMissing), reads=True
)
def customer_data(ctx: Context, data: NameCustomer) -> CustomerData:
    """Give everything that is held about one person: profile, consents, sales with their lines, what was changed when.

    For a person who asks what the shop knows of them (GDPR, article 15). Raises: ``CUSTOMER_NOT_FOUND``.
    """
    standing = standing_of(ctx.uow, ctx.tenant_id, data.id)
    records = queries.get_records(ctx, standing.ids)
    sales = queries.bought_whole(ctx, standing.ids)
    left_out = queries.count_sales(ctx, standing.ids) - len(sales)
    return CustomerData(
        customer=queries.get_customer(ctx, standing.id),
        merged=[each for each in records if each.id != standing.id],
        consents=queries.list_consents(ctx, standing.ids),
        totals=queries.totals_of(ctx, standing.ids),
        sales=sales,
        sales_left_out=left_out,
        changes=queries.changes_of(ctx, records),
    )


@operation("customers.load", permission=Permission.SETTINGS_WRITE, raises=(InvalidEmail, InvalidPhone, FieldKeyMissing))
def load_customers(ctx: Context, data: LoadCustomers) -> CustomersLoaded:
    """Take in customers of a file, up to 1,000 at a time; the owner alone may. The same rows again change nothing.

    Known ones are brought in line where the row says something. A row that cannot be taken is named in the answer and
    keeps no other out.
    """
    done = take_in(ctx, data.source, data.rows, dry_run=data.dry_run)
    ctx.note(f"import:{data.source}", created=done.created, updated=done.updated, dry_run=data.dry_run)
    return done


@operation("customers.reseal", permission=Permission.SETTINGS_WRITE, raises=(FieldKeyMissing,))
def reseal_customers(ctx: Context, data: ResealCustomers) -> Resealed:
    """Seal anew, with the newest key, what an older one sealed; ask again while there is more.

    Raises: ``FIELD_KEY_MISSING`` where a key is not at hand any more; nothing is changed then.
    """
    done, more = resealing.reseal(ctx, data.limit)
    ctx.note("customers", resealed=done)
    return Resealed(customers=done, more=more)


@operation("customers.create_group", permission=Permission.PRICELIST_WRITE, raises=(DuplicateCustomerGroup,))
def create_group(ctx: Context, data: CreateCustomerGroup) -> CustomerGroupOut:
    """Add a group of customers, for prices and promotions to be made for. Raises: ``DUPLICATE_CUSTOMER_GROUP``."""
    group = queries.add_group(ctx, data.code, data.name)
    ctx.note(f"customer group {group.code}", id=str(group.id))
    return queries.group_out(group)


@operation("customers.list_groups", permission=Permission.CUSTOMER_READ, reads=True)
def list_groups(ctx: Context, data: ListCustomerGroups) -> CustomerGroupList:
    """List the groups by code; the archived ones instead if asked."""
    return CustomerGroupList(items=queries.list_groups(ctx, archived=data.archived))


@operation("customers.update_group", permission=Permission.PRICELIST_WRITE, raises=(CustomerGroupNotFound,))
def update_group(ctx: Context, data: UpdateCustomerGroup) -> CustomerGroupOut:
    """Rename a group, archive it or take it into use again; its code never changes.

    Raises: ``CUSTOMER_GROUP_NOT_FOUND``.
    """
    group = queries.find_group(ctx, group_id=data.id)
    if data.name is not UNSET:
        group.name = data.name
    if data.archived is not UNSET and data.archived != (group.archived_at is not None):
        group.archived_at = ctx.clock.now() if data.archived else None
    ctx.uow.flush()
    ctx.note(f"customer group {group.code}", name=group.name, archived=group.archived_at is not None)
    return queries.group_out(group)
