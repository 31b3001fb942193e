"""Which methods a path takes: for ``Allow`` beside 405, and for OPTIONS."""

from __future__ import annotations

from litestar import Litestar


def allowed_methods(api: Litestar, path: str) -> list[str]:
    """Return the methods that ``path`` takes, HEAD wherever GET is; none for a path that is not served."""
    given = [part for part in path.split("/") if part]
    fixed: set[str] = set()
    open_: set[str] = set()
    for route in api.routes:
        parts = [part for part in route.path_components if part]
        if len(parts) != len(given):
            continue
        pairs = list(zip(parts, given, strict=True))
        if all(not isinstance(part, str) or part == text for part, text in pairs):
            # As the router does: a path written out goes before one with a field in it.
            found = fixed if all(isinstance(part, str) for part in parts) else open_
            found |= set(getattr(route, "methods", ()))
    methods = fixed or open_
    if "GET" in methods:
        methods.add("HEAD")
    return sorted(methods)
