"""A whole shop from one document: what applying it would do, and doing it."""

from __future__ import annotations

from primepos.core.context import Context
from primepos.core.operations import Nothing, operation
from primepos.core.permissions import Permission
from primepos.core.security import WeakPin
from primepos.domain.plans.errors import QuotaExceeded
from primepos.domain.provisioning import queries, writing
from primepos.domain.provisioning.comparing import changes_of, problems_of
from primepos.domain.provisioning.reading import BadShopFile
from primepos.domain.provisioning.schemas import AppliedOut, PlanOut, ProvisionShop, ShopDocument, plan_of
from primepos.pricing.errors import InvalidTax, UnsolvableTaxes


@operation("provisioning.plan", permission=Permission.SETTINGS_WRITE, raises=(BadShopFile,), reads=True)
def plan_shop(ctx: Context, data: ProvisionShop) -> PlanOut:
    """Say what making one's tenant be as the document says would create and change; nothing is.

    Raises: ``BAD_SHOP_FILE``, naming everything that stands in the way.
    """
    present = queries.read_present(ctx, data.shop)
    problems = problems_of(present, data.shop)
    if problems:
        raise BadShopFile(problems)
    return plan_of(changes_of(present, data.shop))


@operation(
    "provisioning.apply",
    permission=Permission.SETTINGS_WRITE,
    raises=(BadShopFile, WeakPin, InvalidTax, UnsolvableTaxes, QuotaExceeded),
)
def apply_shop(ctx: Context, data: ProvisionShop) -> AppliedOut:
    """Make one's tenant be as the document says: all of it or nothing. Applied again, it changes nothing.

    What the document does not name stays as it is; what it names and is archived is taken into use again. Codes,
    prefixes and the currency stay for good. PINs are given to people who have none; those made here are in the
    answer, this once. Raises: ``BAD_SHOP_FILE``, ``WEAK_PIN``, ``INVALID_TAX``, ``UNSOLVABLE_TAXES``,
    ``QUOTA_EXCEEDED``.
    """
    ctx.uow.allow_time(0)
    queries.take_turns(ctx)
    present = queries.read_present(ctx, data.shop)
    problems = problems_of(present, data.shop)
    if problems:
        raise BadShopFile(problems)
    changes = changes_of(present, data.shop)
    pins = queries.write(ctx, data.shop, present, changes)
    plan = plan_of(changes)
    ctx.note(
        "shop file",
        created=sum(each.created for each in plan.counts.values()),
        changed=[f"{each.kind} {each.name}" for each in plan.changes if each.action == "changed"][:200],
    )
    return AppliedOut(changes=plan.changes, counts=plan.counts, pins=pins)


@operation("provisioning.export", permission=Permission.TENANT_EXPORT, reads=True)
def export_shop(ctx: Context, _data: Nothing) -> ShopDocument:
    """Give one's tenant as the document that ``tenants apply`` takes, without what is archived, and without any secret.

    Applied to the same tenant it changes nothing; applied to a new one it makes the same shop. People who sign in by
    password are the installation's and not part of it; nor are PINs. What a document cannot say (variants, kits,
    warehouses, people with a role of the shop's own) is counted in ``left_out``.
    """
    ctx.uow.allow_time(0)
    return writing.document(ctx)
