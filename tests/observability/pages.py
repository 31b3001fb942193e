"""Reading a page of metrics in tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from prometheus_client.core import Metric

TOKEN = "a-metrics-token-of-more-than-32-characters"


def families(page: str) -> dict[str, Metric]:
    """Return the metrics of a page by name."""
    return {each.name: each for each in text_string_to_metric_families(page)}


def values(page: str, name: str) -> dict[tuple[str, ...], float]:
    """Return the samples of one name by the values of their labels, in the labels' order."""
    return {
        tuple(sample.labels[label] for label in sorted(sample.labels)): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == name
    }


def value(page: str, name: str, *labels: str) -> float:
    """Return one sample, 0 where there is none yet; ``labels`` in the order of the labels' names."""
    return values(page, name).get(labels, 0.0)
