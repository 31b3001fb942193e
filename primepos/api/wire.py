"""What travels: JSON bodies and query strings in, JSON out.

Decimals travel as strings in one plain form (no exponent, no plus, no blanks), so that no client can push them through
binary floating point. Everything else is left to the schema of the operation, which the runner applies.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from msgspec import inspect

from primepos.api.errors import MalformedRequest
from primepos.core.errors import InvalidInput

DECIMAL_PATTERN = r"^-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,6})?$"
MOST_QUERY_FIELDS = 50
_DECIMAL = re.compile(DECIMAL_PATTERN.rstrip("$") + r"\Z")
_INTEGER = re.compile(r"(-?(?:0|[1-9][0-9]{0,18}))(?:\.0+)?\Z")
_DECIMAL_PROBLEM = 'expected a decimal number as a string, such as "2.50"'

_MOST_DIGITS = 19


def _number(text: str) -> int | Decimal:
    """Return a number written with a point or an exponent: 3.0 is a whole number in JSON, whoever wrote it.

    A fraction stays exact until it is refused; a float would have lost digits by then.
    """
    number = Decimal(text)
    if abs(number.adjusted()) < _MOST_DIGITS and number == number.to_integral_value():
        return int(number)
    return number


_decoder = msgspec.json.Decoder(float_hook=_number)
encode = msgspec.json.Encoder(decimal_format="string").encode

Problems = list[dict[str, str]]
Check = Callable[[Any, str, Problems], None]


def decode_body(raw: bytes) -> Any:
    """Return what a JSON body holds; an empty one is an empty object.

    Raises: :class:`MalformedRequest`.
    """
    if not raw:
        return {}
    try:
        return _decoder.decode(raw)
    except RecursionError:
        raise MalformedRequest(problem="it is nested too deeply") from None
    except (msgspec.DecodeError, ValueError, ArithmeticError) as error:
        raise MalformedRequest(problem=str(error)[:200]) from None


def decode_query(raw: bytes, shape: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the fields of a query string, whole numbers and booleans read where ``shape`` wants them.

    Raises: :class:`InvalidInput` for a field given twice, :class:`MalformedRequest` for text that is not UTF-8.
    """
    try:
        pairs = parse_qsl(
            raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_QUERY_FIELDS
        )
    except ValueError:
        raise MalformedRequest(problem="its query string is not UTF-8 or has too many fields") from None
    kinds = _query_kinds(shape)
    fields: dict[str, Any] = {}
    for name, text in pairs:
        if name in fields:
            raise InvalidInput(f"{name}: given twice", problems=[{"field": name, "problem": "given twice"}])
        fields[name] = _read(text, kinds.get(name))
    return fields


def check_decimals(shape: type[msgspec.Struct], data: Any) -> None:
    """See that every decimal of a body is a string in plain form. Raises: :class:`InvalidInput` naming each other."""
    check = _check_of(shape)
    if check is None:
        return
    problems: Problems = []
    check(data, "", problems)
    if problems:
        first = problems[0]
        raise InvalidInput(f"{first['field']}: {first['problem']}", problems=problems)


def holds_decimals(shape: type[msgspec.Struct]) -> bool:
    """Tell whether a shape has a decimal anywhere."""
    return _check_of(shape) is not None


def _read(text: str, kind: type[int | bool] | None) -> Any:
    if kind is int and (number := _INTEGER.match(text)):
        return int(number[1])
    if kind is bool and text in {"true", "false"}:
        return text == "true"
    return text


@cache
def _query_kinds(shape: type[msgspec.Struct]) -> Mapping[str, type[int | bool]]:
    info = inspect.type_info(shape)
    found: dict[str, type[int | bool]] = {}
    for field in getattr(info, "fields", ()):
        types = field.type.types if isinstance(field.type, inspect.UnionType) else (field.type,)
        for each in types:
            if isinstance(each, inspect.IntType):
                found[field.encode_name] = int
            elif isinstance(each, inspect.BoolType):
                found[field.encode_name] = bool
    return found


@cache
def _check_of(shape: type[msgspec.Struct]) -> Check | None:
    """Return what looks through data of a shape for decimals; None for a shape that holds none."""
    return _checker(inspect.type_info(shape))


def _checker(kind: inspect.Type) -> Check | None:
    match kind:
        case inspect.DecimalType():
            return _check_decimal
        case inspect.StructType():
            return _struct_checker(kind)
        case inspect.ListType(item_type=item):
            inner = _checker(item)
            return None if inner is None else _list_checker(inner)
        case inspect.UnionType(types=types):
            inner = next((found for found in map(_checker, types) if found is not None), None)
            return None if inner is None else _optional_checker(inner)
        case inspect.Metadata(type=real):
            return _checker(real)
        case _:
            return None


def _struct_checker(kind: inspect.StructType) -> Check | None:
    checks = [
        (index, field.encode_name, check)
        for index, field in enumerate(kind.fields)
        if (check := _checker(field.type)) is not None
    ]
    if not checks:
        return None
    if kind.array_like:

        def check_positions(data: Any, path: str, problems: Problems) -> None:
            if isinstance(data, list):
                for index, _, check in checks:
                    if index < len(data):
                        check(data[index], f"{path}[{index}]", problems)

        return check_positions

    def check_fields(data: Any, path: str, problems: Problems) -> None:
        if isinstance(data, dict):
            for _, name, check in checks:
                if name in data:
                    check(data[name], f"{path}.{name}" if path else name, problems)

    return check_fields


def _list_checker(inner: Check) -> Check:
    def check_items(data: Any, path: str, problems: Problems) -> None:
        if isinstance(data, list):
            for index, item in enumerate(data):
                inner(item, f"{path}[{index}]", problems)

    return check_items


def _optional_checker(inner: Check) -> Check:
    def check_unless_null(data: Any, path: str, problems: Problems) -> None:
        if data is not None:
            inner(data, path, problems)

    return check_unless_null


def _check_decimal(data: Any, path: str, problems: Problems) -> None:
    if not isinstance(data, str) or not _DECIMAL.match(data):
        problems.append({"field": path, "problem": _DECIMAL_PROBLEM})
