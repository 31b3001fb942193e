"""How many processes a deployment runs: what ``render.yaml`` and the environment say together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from primepos.deploy.surface import production_settings

if TYPE_CHECKING:
    from primepos.deploy.target import Target


@dataclass(frozen=True, slots=True)
class Scale:
    """Instances of the web service, processes in each, and the connections each process may hold."""

    instances: int
    workers: int
    connections: int

    @property
    def processes(self) -> int:
        """How many processes answer requests."""
        return self.instances * self.workers

    @property
    def told(self) -> str:
        """The figures in words."""
        return f"{self.instances} instances x {self.workers} processes"


def scale_of(target: Target) -> Scale:
    """Return the scale of a deployment; without a platform's file, one instance."""
    settings = target.settings or production_settings()
    return Scale(
        instances=_instances(target),
        workers=settings.web_concurrency,
        connections=settings.db_pool_size + settings.db_max_overflow,
    )


def _instances(target: Target) -> int:
    """Return how many instances there can be at most: a fixed number, or the upper end of the scaling."""
    total = 0
    for service in target.blueprint.of_type("web"):
        scaling = service.says.get("scaling")
        most = scaling.get("maxInstances") if isinstance(scaling, dict) else None
        said = most if isinstance(most, int) else service.says.get("numInstances", 1)
        total += said if isinstance(said, int) and said > 0 else 1
    return max(total, 1)
