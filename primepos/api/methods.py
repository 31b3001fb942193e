"""Which methods a path takes: for ``Allow`` beside 405, and for OPTIONS."""

from __future__ import annotations

from litestar import Litestar


def allowed_methods(api: Litestar, path: str) -> list[str]:
    """Return the methods that ``path`` takes, HEAD wherever GET is; none for a path that is not served."""
    given = [part for part in path.split("/") if part]
    found: set[str] = set()
    for route in api.routes:
        parts = [part for part in route.path_components if part]
        if len(parts) == len(given) and all(
            not isinstance(part, str) or part == text for part, text in zip(parts, given, strict=True)
        ):
            found |= set(getattr(route, "methods", ()))
    if "GET" in found:
        found.add("HEAD")
    return sorted(found)
