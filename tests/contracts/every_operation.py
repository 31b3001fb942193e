"""Imports every service, so that the registry of operations is whole."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import primepos.domain
from primepos.core.operations import OPERATIONS, Operation


def every_operation() -> dict[str, Operation[Any, Any]]:
    """Return the registry after importing every feature's service."""
    for feature in pkgutil.iter_modules(primepos.domain.__path__):
        if not feature.ispkg:
            continue
        name = f"primepos.domain.{feature.name}.service"
        if importlib.util.find_spec(name) is not None:
            importlib.import_module(name)
    return dict(sorted(OPERATIONS.items()))
