"""What input structs check in code and a schema can say as well, so that clients can refuse it before they send it.

Kept beside the generated schemas rather than in them: the structs stay the truth, these only narrow what is published.
What cannot be said here (a PIN that is easy to guess, two lines for one product) is answered with 422 all the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from primepos.domain.accounts.schemas import GIVEN_ROLES

Json = dict[str, Any]


def decimal(*, digits: int, places: int, negative: bool = False) -> Json:
    """Return the pattern of a decimal with at most so many digits before and after the point."""
    sign = "-?" if negative else ""
    return {"pattern": rf"^{sign}(0|[1-9][0-9]{{0,{digits - 1}}})(\.[0-9]{{1,{places}}})?$"}


def _or_null(schema: Json) -> Json:
    return {"anyOf": [schema, {"type": "null"}]}


def _one_of(first: str, second: str) -> Json:
    """Return that exactly one of two fields is given; null counts as not given."""
    null = {"type": "null"}
    return {
        "oneOf": [
            {"required": [first], "properties": {first: {"not": null}, second: null}},
            {"required": [second], "properties": {second: {"not": null}, first: null}},
        ]
    }


_DECIMAL: Json = {"type": "string", "format": "decimal"}
_PRICE = _DECIMAL | decimal(digits=10, places=4)
_QUANTITY = _DECIMAL | decimal(digits=9, places=3)
_MOVED = _DECIMAL | decimal(digits=9, places=3, negative=True)
_ABOVE_ZERO = _DECIMAL | {"pattern": r"^([1-9][0-9]{0,8}(\.[0-9]{1,3})?|0\.([0-9]{0,2}[1-9]))$"}
_RATE = _DECIMAL | decimal(digits=3, places=4, negative=True)
_EMAIL: Json = {
    "type": "string",
    "format": "email",
    "maxLength": 254,
    # Wide: the server says more exactly what is wrong with one.
    "pattern": r"^[A-Za-z0-9_]+([.+-][A-Za-z0-9_]+)*@[A-Za-z0-9]+(-[A-Za-z0-9]+)*(\.[A-Za-z0-9]+(-[A-Za-z0-9]+)*)+$",
}
_PIN: Json = {"type": "string", "pattern": "^[0-9]{4,8}$"}

REFINED: Mapping[str, Json] = {
    "Role": {"enum": sorted(GIVEN_ROLES)},
    "AdjustLine": {
        "properties": {"delta": _or_null(_MOVED), "counted": _or_null(_QUANTITY)},
        **_one_of("delta", "counted"),
    },
    "BarcodeIn": {"properties": {"quantity": _ABOVE_ZERO}},
    "CreateProduct": {"properties": {"unit_price": _PRICE, "barcodes": {"uniqueItems": True}}},
    "CreateStaff": {"properties": {"pin": _or_null(_PIN)}},
    "CreateTax": {"properties": {"amount": _RATE}},
    "CreateUser": {"properties": {"email": _EMAIL}},
    "InviteUser": {"properties": {"email": _EMAIL}},
    "SellLine": {
        "properties": {"quantity": _ABOVE_ZERO, "unit_price": _or_null(_PRICE)},
        **_one_of("product_id", "sku"),
    },
    "SetBarcodes": {"properties": {"barcodes": {"uniqueItems": True}}},
    "SetPin": {"properties": {"pin": _PIN}},
    "StockLine": {"properties": {"quantity": _QUANTITY}},
    "UpdateProduct": {"properties": {"unit_price": _PRICE}},
    "UpdateTax": {"properties": {"amount": _RATE}},
}


def refine(name: str, schema: Json) -> Json:
    """Return a schema with what is known beyond its struct."""
    more = REFINED.get(name)
    if more is None:
        return schema
    done = {**schema, **{key: value for key, value in more.items() if key != "properties"}}
    changes: Mapping[str, Json] = more.get("properties", {})
    if changes:
        done["properties"] = {
            field: _narrowed(old, changes[field]) if field in changes else old
            for field, old in schema["properties"].items()
        }
    return done


def _narrowed(old: Json, change: Json) -> Json:
    """Return a field's schema with ``change`` in it; where that says the kind anew, what was said of it before goes."""
    kept = {key: value for key, value in old.items() if key not in {"type", "anyOf", "format", "pattern"}}
    return {**(kept if change.keys() & {"type", "anyOf"} else old), **change}
