"""The command table and the group that imports a command's module only when that command runs.

``primepos --help`` shows names and summaries from the table: importing every command would load the
database, the HTTP server and the terminal user interface before printing a word.
"""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from typer._click import Command
    from typer._click import Context as ClickContext


class LazyCommand(NamedTuple):
    """Where a command lives (``module:attribute``, a Typer app) and its line in the help."""

    target: str
    summary: str


LAZY: dict[str, LazyCommand] = {
    "init": LazyCommand("primepos.cli.commands.init:app", "Set up a shop on this machine."),
    "demo": LazyCommand("primepos.cli.commands.demo:app", "Try PrimePOS with a demo shop."),
    "till": LazyCommand("primepos.cli.commands.till:app", "Open the till."),
    "serve": LazyCommand("primepos.cli.commands.serve:app", "Serve the HTTP API."),
    "worker": LazyCommand("primepos.cli.commands.worker:app", "Run background jobs."),
    "jobs": LazyCommand("primepos.cli.commands.jobs:app", "Look after background and nightly jobs."),
    "env": LazyCommand("primepos.cli.commands.env:app", "Check and explain the environment."),
    "migrate": LazyCommand("primepos.cli.commands.migrate:app", "Bring the database schema up to date."),
    "check-deploy": LazyCommand("primepos.cli.commands.check_deploy:app", "Say whether this may be deployed."),
    "release": LazyCommand("primepos.cli.commands.release:app", "Check, migrate and check again."),
    "doctor": LazyCommand("primepos.cli.commands.doctor:app", "Say what is wrong here and what an error means."),
    "db": LazyCommand("primepos.cli.commands.db:app", "Start, stop and look at the embedded PostgreSQL."),
    "backup": LazyCommand("primepos.cli.commands.backup:app", "Make, list and verify backups."),
    "restore": LazyCommand("primepos.cli.commands.restore:app", "Restore a backup."),
    "ops": LazyCommand("primepos.cli.commands.ops:app", "Verify the books, look at the database, add up the bill."),
    "tenants": LazyCommand("primepos.cli.commands.tenants:app", "Create, apply, list and suspend tenants."),
    "plans": LazyCommand("primepos.cli.commands.plans:app", "Say what tenants may have; see what they use."),
    "users": LazyCommand("primepos.cli.commands.users:app", "Create people, set their roles and reset passwords."),
    "roles": LazyCommand("primepos.cli.commands.roles:app", "Say what people may do: permissions and limits."),
    "staff": LazyCommand("primepos.cli.commands.staff:app", "Badges, the time clock, commission, who did what."),
    "approvals": LazyCommand("primepos.cli.commands.approvals:app", "Ask another person for consent, and answer."),
    "outlets": LazyCommand("primepos.cli.commands.outlets:app", "Manage the shops of a tenant."),
    "registers": LazyCommand("primepos.cli.commands.registers:app", "Manage the registers of an outlet."),
    "devices": LazyCommand("primepos.cli.commands.devices:app", "Enrol, list and revoke the devices of tills."),
    "taxes": LazyCommand("primepos.cli.commands.taxes:app", "Manage taxes and tax classes."),
    "categories": LazyCommand("primepos.cli.commands.categories:app", "Manage the categories of products."),
    "products": LazyCommand("primepos.cli.commands.products:app", "Manage products, barcodes and prices."),
    "labels": LazyCommand("primepos.cli.commands.labels:app", "Print labels for shelves and goods."),
    "lots": LazyCommand("primepos.cli.commands.lots:app", "Look after lots and serial numbers."),
    "stock": LazyCommand("primepos.cli.commands.stock:app", "Show, move, count and correct stock."),
    "suppliers": LazyCommand("primepos.cli.commands.suppliers:app", "Manage suppliers and what they sell."),
    "purchases": LazyCommand("primepos.cli.commands.purchases:app", "Order goods, take them in, send them back."),
    "customers": LazyCommand("primepos.cli.commands.customers:app", "Look after customers and their data."),
    "pricelists": LazyCommand("primepos.cli.commands.pricelists:app", "Manage price lists; ask what a thing costs."),
    "promotions": LazyCommand("primepos.cli.commands.promotions:app", "Manage promotions, and try a cart."),
    "coupons": LazyCommand("primepos.cli.commands.coupons:app", "Make, check and block coupons."),
    "taxmappings": LazyCommand("primepos.cli.commands.taxmappings:app", "Say who bears other taxes, or none."),
    "sales": LazyCommand("primepos.cli.commands.sales:app", "List, show and void sales."),
    "giftcards": LazyCommand("primepos.cli.commands.giftcards:app", "Issue, look up and block gift cards."),
    "accounts": LazyCommand("primepos.cli.commands.accounts:app", "Customers who buy on account, and what they owe."),
    "points": LazyCommand("primepos.cli.commands.points:app", "Points of regular customers."),
    "orders": LazyCommand("primepos.cli.commands.orders:app", "Keep tickets for later: hold, quote, lay away."),
    "shifts": LazyCommand("primepos.cli.commands.shifts:app", "Open, close and list shifts."),
    "cash": LazyCommand("primepos.cli.commands.cash:app", "Move cash beside sales, look after the safe."),
    "fiscal": LazyCommand("primepos.cli.commands.fiscal:app", "Close periods, export and verify the sealed books."),
    "report": LazyCommand("primepos.cli.commands.report:app", "Print reports."),
    "import": LazyCommand("primepos.cli.commands.imports:app", "Import products, customers, stock and sales."),
    "export": LazyCommand("primepos.cli.commands.exports:app", "Export everything as CSV or XLSX."),
    "price": LazyCommand("primepos.cli.commands.price:app", "Price a cart given as JSON and explain the result."),
    "barcode": LazyCommand("primepos.cli.commands.barcode:app", "Say what a barcode means."),
}


def load_command(name: str) -> Command:
    """Import the module of one command of the table and return the command, under its table name."""
    module_name, _, attribute = LAZY[name].target.partition(":")
    command = typer.main.get_command(getattr(import_module(module_name), attribute))
    command.name = name
    return command


class LazyGroup(TyperGroup):
    """A group whose commands are names and summaries until one of them is called."""

    def list_commands(self, ctx: ClickContext) -> list[str]:
        """Return all names, in the order of the table: from setting up to looking closely."""
        return [*LAZY, *(name for name in super().list_commands(ctx) if name not in LAZY)]

    def get_command(self, ctx: ClickContext, cmd_name: str) -> Command | None:
        """Return a stand-in that knows its summary: all that help and completion ask for."""
        if cmd_name in LAZY:
            return TyperCommand(name=cmd_name, short_help=LAZY[cmd_name].summary, rich_markup_mode=None)
        return super().get_command(ctx, cmd_name)

    def resolve_command(self, ctx: ClickContext, args: list[str]) -> tuple[str | None, Command | None, list[str]]:
        """Import the one command that is called; suggest names for one that does not exist."""
        name = args[0] if args else ""
        if name in LAZY:
            return name, load_command(name), args[1:]
        known = self.list_commands(ctx)
        if name and not name.startswith("-") and name not in known and not ctx.resilient_parsing:
            close = get_close_matches(name, known)
            hint = f" Did you mean {' or '.join(repr(match) for match in close)}?" if close else ""
            ctx.fail(f"No such command {name!r}.{hint}")
        return super().resolve_command(ctx, args)
