"""``primepos categories``: what products are grouped by."""

from __future__ import annotations

from typing import Annotated

import typer

from primepos.cli.naming import Workplace
from primepos.cli.options import EnvFileOption, JsonFlag, TenantOption, YesFlag, examples
from primepos.cli.output import confirm_destruction, emit
from primepos.domain.catalog.service import archive_category, create_category, list_categories, unarchive_category

CategoryArgument = Annotated[str, typer.Argument(metavar="CATEGORY", help="The category's name or id.")]

app = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, add_completion=False, help="Manage the categories of products."
)


@app.command(epilog=examples("primepos categories create Fruit", "primepos categories create 'Hot drinks' --json"))
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What the category is called.")],
    *,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Add a category."""
    emit(Workplace(tenant, env_file).run(create_category, {"name": name}), as_json=as_json)


@app.command(name="list", epilog=examples("primepos categories list", "primepos categories list --archived --json"))
def list_(
    *,
    archived: Annotated[bool, typer.Option("--archived", help="The archived ones instead.")] = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List the categories by name."""
    found = Workplace(tenant, env_file).run(list_categories, {"archived": archived})
    emit(found.items, as_json=as_json, columns=("name", "id", "archived_at") if archived else ("name", "id"))


@app.command(epilog=examples("primepos categories archive Fruit --yes"))
def archive(
    category: CategoryArgument,
    *,
    yes: YesFlag = False,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Take a category out of use; its products keep it."""
    place = Workplace(tenant, env_file)
    found = place.category(category)
    confirm_destruction(f"No product can be put into {found.name!r} any more.", yes)
    emit(place.run(archive_category, {"id": found.id}), as_json=as_json)


@app.command(epilog=examples("primepos categories unarchive Fruit"))
def unarchive(
    category: CategoryArgument,
    *,
    tenant: TenantOption = None,
    env_file: EnvFileOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Take an archived category into use again."""
    place = Workplace(tenant, env_file)
    emit(place.run(unarchive_category, {"id": place.category(category).id}), as_json=as_json)
