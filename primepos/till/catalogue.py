"""The till's own copy of the catalogue: pulled by version, looked up by code, searched by words, all without a server.

A SQLite file that can be thrown away at any time: the next pull fills it again. Products are found as the server
finds them: exact barcode, then SKU, then the shop's rules for labels.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
import threading
import unicodedata
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import msgspec

from primepos.core.amounts import round_half_up
from primepos.pricing.barcodes import BarcodeRule, Scan, label_line, parse_barcode, read_rules
from primepos.pricing.offers import Offers
from primepos.till.errors import LabelRefused, ProductUnknown
from primepos.till.events import PartOnLine, TaxOnLine
from primepos.till.inert import inert

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from primepos.pricing.taxes import TaxRule
    from primepos.till.runner import Runner

VERSION: Final = "3"
PAGE: Final = 2000
PIECE: Final = Decimal(1)
_THOUSANDTH: Final = Decimal("0.001")
_TEN_THOUSANDTH: Final = Decimal("0.0001")
_PROBLEMS: Final = {
    "BAD_CHECK_DIGIT": "its check digit is wrong, scan it again",
    "BAD_VALUE_CHECK_DIGIT": "its check digit is wrong, scan it again",
    "ZERO_VALUE": "it says nothing was weighed",
    "ALL_ZERO": "it holds nothing but zeros",
    "NOT_A_CODE": "it is no code",
}

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS products (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    sku TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    folded TEXT NOT NULL,
    price TEXT NOT NULL,
    tax_class TEXT NOT NULL,
    category TEXT,
    sold_by TEXT NOT NULL,
    makeup TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS products_folded ON products (folded);
CREATE TABLE IF NOT EXISTS barcodes (code TEXT PRIMARY KEY, n INTEGER NOT NULL, quantity TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS barcodes_n ON barcodes (n);
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (text, prefix = '1 2 3 4 5', tokenize = 'unicode61');
"""
_FIELDS = "SELECT p.id, p.sku, p.name, p.price, p.tax_class, p.category, p.sold_by, p.makeup"
_PLAIN = f"{_FIELDS} FROM products p"
_OF_CODE = f"{_FIELDS}, b.quantity FROM barcodes b JOIN products p ON p.n = b.n WHERE b.code = ?"
_EXACT = _PLAIN + " WHERE p.sku = ?1 OR p.n = (SELECT n FROM barcodes WHERE code = ?1)"  # noqa: S608 - our own constants
_BEGINS = _PLAIN + " WHERE p.folded >= ?1 AND p.folded < ?2 ORDER BY p.folded LIMIT ?3"
# Without an order FTS5 stops at the limit; ranking would look at every hit of a short beginning.
_WITHIN = _PLAIN + " WHERE p.n IN (SELECT rowid FROM words WHERE words MATCH ?1 LIMIT ?2)"  # noqa: S608 - our own constants
_WORD: Final = re.compile(r"[^\W_]+")


class Pack(msgspec.Struct, frozen=True, array_like=True):
    """A unit that a product is sold by: its code, how many of the product are in one, what one costs."""

    code: str
    factor: Decimal
    price: Decimal


class Makeup(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a product is sold by beside its own unit, and of a kit what it is made of."""

    packs: list[Pack] = []
    parts: list[PartOnLine] = []


PLAIN: Final = Makeup()


@dataclass(frozen=True, slots=True)
class Product:
    """A product as the till sells it; its name is safe to show."""

    id: UUID
    sku: str
    name: str
    unit_price: Decimal
    category: str | None
    sold_by: str
    taxes: tuple[TaxOnLine, ...]
    category_id: UUID | None = None
    parent_id: UUID | None = None
    tax_class_id: UUID | None = None
    makeup: Makeup = PLAIN


@dataclass(frozen=True, slots=True)
class Found:
    """What a code stands for: a product, how much of it, at which unit price; of a pack how many, and its price."""

    product: Product
    quantity: Decimal
    unit_price: Decimal
    labelled: bool = False
    unit: str = ""
    factor: Decimal = PIECE


class Catalogue:
    """The local catalogue of one shop. Reads happen on the caller's thread, a pull may run on another."""

    def __init__(self, path: Path, *, exponent: int) -> None:
        """Open or make the file; one of another version, or damaged, is replaced by an empty one."""
        self.path = path
        self._exponent = exponent
        self._reading = threading.Lock()
        self._writing = threading.Lock()
        # A pull writes on a connection of its own, so that no scan waits for it.
        self._writer = self._connect()
        self._reader = self._connect()
        self._read_meta()

    def _connect(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        for last in (False, True):
            db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=10)
            try:
                db.execute("PRAGMA journal_mode = WAL")
                # Nothing here is worth a wait for the disk: it can all be pulled again.
                db.execute("PRAGMA synchronous = NORMAL")
                known = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone()
                stored = dict(db.execute("SELECT key, value FROM meta").fetchall()) if known else {}
                if not known or stored.get("format") == VERSION:
                    db.executescript(_SCHEMA)
                    db.execute("INSERT OR IGNORE INTO meta VALUES ('format', ?)", (VERSION,))
                    return db
            except sqlite3.DatabaseError:
                if last:
                    db.close()
                    raise
            db.close()
            for suffix in ("", "-wal", "-shm"):
                with contextlib.suppress(FileNotFoundError):
                    self.path.with_name(self.path.name + suffix).unlink()
        raise sqlite3.DatabaseError("the local catalogue cannot be made")

    def close(self) -> None:
        """Close the file."""
        with self._writing, self._reading:
            self._writer.close()
            self._reader.close()

    def _read_meta(self) -> None:
        stored = dict(self._rows("SELECT key, value FROM meta"))
        self._version = int(stored.get("version", "0"))
        classes = msgspec.json.decode(stored.get("taxes", "{}"), type=dict[str, list[TaxOnLine]])
        self._taxes = {key: tuple(taxes) for key, taxes in classes.items()}
        self._rules = _rules_of(stored.get("rules", "[]"))
        self._offers_version = int(stored.get("offers_version", "-1"))
        self._offers = msgspec.json.decode(stored.get("offers", "{}"), type=Offers)
        self._categories = msgspec.json.decode(stored.get("categories", "{}"), type=dict[str, UUID])
        self._parents = msgspec.json.decode(stored.get("parents", "{}"), type=dict[UUID, UUID])

    @property
    def version(self) -> int:
        """The version of the catalogue that the last pull reached; 0 is none."""
        return self._version

    @property
    def rules(self) -> tuple[BarcodeRule, ...]:
        """The shop's rules for weight and price labels."""
        return self._rules

    @property
    def offers(self) -> Offers:
        """The price lists, promotions and mappings of taxes of this outlet, as the last pull found them."""
        return self._offers

    @property
    def class_taxes(self) -> dict[UUID, tuple[TaxRule, ...]]:
        """The taxes of each tax class, for mappings."""
        return {UUID(key): tuple(each.rule() for each in taxes) for key, taxes in self._taxes.items()}

    def count(self) -> int:
        """Return how many products can be sold."""
        return int(self._rows("SELECT count(*) FROM products")[0][0])

    def _rows(self, sql: str, *parameters: Any) -> list[Any]:
        with self._reading:
            return self._reader.execute(sql, parameters).fetchall()

    # --- pulling ----------------------------------------------------------------------------------------------------

    def pull_offers(self, runner: Runner, outlet_id: UUID) -> bool:
        """Fetch the offers of an outlet where they changed since the last pull; tell whether they did.

        Raises: what ``offers.snapshot`` refuses with.
        """
        found = runner.run("offers.snapshot", {"outlet_id": outlet_id, "known": self._offers_version})
        if found.offers is None:
            return False
        meta = {
            "offers": found.offers,
            "offers_version": str(found.version),
            "categories": msgspec.json.encode(found.categories).decode(),
            "parents": msgspec.json.encode(found.parents).decode(),
        }
        with self._writing:
            self._writer.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", meta.items())
        self._read_meta()
        return True

    def pull(self, runner: Runner, progress: Callable[[int], None] | None = None) -> int:
        """Fetch what changed since the last pull and return how many products that was.

        Pages are kept as they come, so a pull that breaks off goes on where it was. ``progress`` hears the running
        count after each page.

        Raises: what ``catalog.snapshot`` refuses with.
        """
        changed = 0
        while True:
            page = runner.run("catalog.snapshot", {"since_version": self._version, "limit": PAGE})
            self.take(page)
            changed += len(page.products)
            if progress is not None:
                progress(changed)
            if not page.more:
                return changed

    def take(self, page: Any) -> None:
        """Keep one page of a snapshot: products changed, dropped, and the taxes and label rules as they are now."""
        taxes = {
            str(each.id): [
                TaxOnLine(
                    code=tax.code,
                    name=tax.name,
                    kind=tax.kind,
                    amount=tax.amount,
                    included=tax.included,
                    affects_base=tax.affects_base,
                    base_affected=tax.base_affected,
                )
                for tax in each.taxes
            ]
            for each in page.tax_classes
        }
        meta = {
            "taxes": msgspec.json.Encoder(decimal_format="string").encode(taxes).decode(),
            "rules": msgspec.json.encode(page.barcode_rules).decode(),
            "version": str(page.version),
        }
        with self._writing:
            db = self._writer
            db.execute("BEGIN IMMEDIATE")
            try:
                self._store(db, page.products)
                db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", meta.items())
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
        self._read_meta()

    @staticmethod
    def _store(db: sqlite3.Connection, products: Iterable[Any]) -> None:
        for each in products:
            # A SKU or code may have moved from one product to another within the same page.
            old = db.execute("SELECT n FROM products WHERE id = ? OR sku = ?", (str(each.id), each.sku)).fetchall()
            for (n,) in old:
                db.execute("DELETE FROM words WHERE rowid = ?", (n,))
                db.execute("DELETE FROM barcodes WHERE n = ?", (n,))
                db.execute("DELETE FROM products WHERE n = ?", (n,))
            if each.archived:
                continue
            name = inert(each.name)
            cursor = db.execute(
                "INSERT INTO products (id, sku, name, folded, price, tax_class, category, sold_by, makeup)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    str(each.id),
                    each.sku,
                    name,
                    fold(name),
                    str(each.unit_price),
                    str(each.tax_class_id),
                    each.category,
                    each.sold_by,
                    _makeup(each),
                ),
            )
            n = cursor.lastrowid
            codes = [code.code for code in each.barcodes]
            words = fold(" ".join([name, each.sku, each.category or "", *codes]))
            db.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (n, words))
            db.executemany(
                "INSERT OR REPLACE INTO barcodes VALUES (?, ?, ?)",
                [(code.code, n, str(code.quantity)) for code in each.barcodes],
            )

    # --- finding ----------------------------------------------------------------------------------------------------

    def look_up(self, code: str) -> Found:
        """Return what a scanned or typed code stands for: barcode, then SKU, then a label with a weight or price.

        Raises:
            ProductUnknown: nothing on sale has this code.
            LabelRefused: a label with a wrong check digit or without a value.
            InvalidLabel: a label whose price cannot be turned into a quantity.
        """
        scan = parse_barcode(code, self._rules)
        labelled = scan.lookup_codes if scan.kind != "article" else ()
        # The code of a label without its value names a product, but scanned as it is it is a label that weighs nothing.
        empty = scan.base_code if scan.value is not None else None
        for each in dict.fromkeys((code, scan.canonical, scan.gtin)):
            if each and each != empty:
                hit = self._by_barcode(each)
                if hit is not None:
                    product, quantity = hit
                    for pack in product.makeup.packs:
                        if pack.factor == quantity:
                            return Found(product, PIECE, pack.price, unit=pack.code, factor=pack.factor)
                    return Found(product, quantity, product.unit_price)
        product_by_sku = self._by_sku(code)
        if product_by_sku is not None:
            return Found(product_by_sku, PIECE, product_by_sku.unit_price)
        if scan.kind == "article":
            hint = "The check digit is wrong: scan it again." if scan.problem == "BAD_CHECK_DIGIT" else None
            raise ProductUnknown(code=inert(code)[:48], hint=hint)
        if scan.problem is not None:
            raise LabelRefused(code=code, problem=_PROBLEMS[scan.problem])
        for each in labelled:
            hit = self._by_barcode(each)
            labelled_product = hit[0] if hit is not None else self._by_sku(each)
            if labelled_product is not None:
                return self._label(labelled_product, scan)
        raise ProductUnknown(code=scan.item or code)

    def knows(self, code: str) -> bool:
        """Tell whether a code is surely a scanned one: eight digits or more that name something here."""
        if len(code) < 8 or not code.isdecimal() or not code.isascii():
            return False
        try:
            self.look_up(code)
        except ProductUnknown:
            return False
        except LabelRefused:
            return True
        return True

    def _label(self, product: Product, scan: Scan) -> Found:
        quantity, unit_price = PIECE, product.unit_price
        if scan.value is not None and scan.kind == "price":
            if product.sold_by == "weight":
                line = label_line(scan.value, product.unit_price, self._exponent)
                quantity, unit_price = line.quantity, line.unit_price
            else:
                # One wrapped piece at the price that is written on it.
                unit_price = round_half_up(scan.value, _TEN_THOUSANDTH)
        elif scan.value is not None:
            quantity = round_half_up(scan.value, _THOUSANDTH)
            if not quantity:
                raise LabelRefused(code=scan.code, problem=_PROBLEMS["ZERO_VALUE"])
        return Found(product, quantity, unit_price, labelled=True)

    def _by_barcode(self, code: str) -> tuple[Product, Decimal] | None:
        found = self._rows(_OF_CODE, code)
        return (self._product(found[0][:-1]), Decimal(found[0][-1])) if found else None

    def _by_sku(self, sku: str) -> Product | None:
        found = self._rows(f"{_PLAIN} WHERE p.sku = ?", sku)
        return self._product(found[0]) if found else None

    def _product(self, row: Any) -> Product:
        product_id, sku, name, price, tax_class, category, sold_by, makeup = row
        return Product(
            UUID(product_id),
            sku,
            name,
            Decimal(price),
            category,
            sold_by,
            self._taxes.get(tax_class, ()),
            self._categories.get(category or ""),
            self._parents.get(UUID(product_id)),
            UUID(tax_class),
            PLAIN if makeup == "{}" else msgspec.json.decode(makeup, type=Makeup),
        )

    def search(self, query: str, limit: int = 20) -> list[Product]:
        """Return products by words or beginnings of words in name, category, SKU or barcode, best first.

        An exact code comes first, then names that begin with the query, then the rest.
        """
        wanted = fold(inert(query)).strip()
        if not wanted:
            return []
        rows: dict[str, Any] = {}
        exact = self._rows(_EXACT, query.strip())
        begins = self._rows(_BEGINS, wanted, wanted + "\U0010ffff", limit)
        words = _WORD.findall(wanted)
        within: list[Any] = []
        if words and len(begins) < limit:
            match = " ".join(f'"{word}"*' for word in words[:8])
            within = self._rows(_WITHIN, match, limit + len(begins) + 1)
        for row in (*exact, *begins, *within):
            rows.setdefault(row[0], row)
        return [self._product(row) for row in list(rows.values())[:limit]]


def _makeup(product: Any) -> str:
    # A server of the release before tells of neither.
    units, components = getattr(product, "units", ()), getattr(product, "components", ())
    made = Makeup(
        packs=[Pack(each.code, each.factor, each.unit_price) for each in units],
        parts=[PartOnLine(each.product_id, each.sku, each.quantity) for each in components],
    )
    return msgspec.json.Encoder(decimal_format="string").encode(made).decode()


def fold(text: str) -> str:
    """Return a text as it is compared: without case and without marks on letters."""
    return "".join(sign for sign in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(sign))


@lru_cache(maxsize=8)
def _rules_of(stored: str) -> tuple[BarcodeRule, ...]:
    return read_rules(msgspec.json.decode(stored))
