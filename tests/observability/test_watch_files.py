"""Alerts, dashboard and runbooks look at what is measured, lead to what exists and tell commands that are there."""

from __future__ import annotations

import json
import re
import shlex
from typing import Any

import pytest
import typer
import yaml

from primepos.adapters.telemetry.metrics import DB_BUCKETS, HTTP_BUCKETS
from primepos.cli.lazy import LAZY, load_command
from primepos.cli.main import app as root
from primepos.core.settings_registry import BY_NAME
from primepos.deploy.alerts import DOCTOR_CODES, missing_headings, read_alerts, runbook_path
from primepos.deploy.catalogue.operations.signals import declared_metrics
from primepos.deploy.check import catalogue
from scripts import docs
from tests.api.test_serve import ROOT

RUNBOOKS = sorted(path for path in (ROOT / "docs" / "runbooks").glob("*.md") if path.name != "index.md")
RULES = yaml.safe_load((ROOT / "deploy/observability/alerts.yml").read_text(encoding="utf-8"))
DASHBOARD = json.loads((ROOT / "deploy/observability/dashboard.json").read_text(encoding="utf-8"))
# Of Prometheus itself and of the blackbox exporter.
OTHERS = {"up", "probe_success", "probe_ssl_earliest_cert_expiry"}
_CALL = re.compile(
    r"\b(?:sum|max|min|count|rate|increase|changes|topk|vector|time|absent|histogram_quantile|humanize\w*)\b"
)
_WORDS = {"and", "or", "unless"}


def rules(kind: str) -> list[dict[str, Any]]:
    return [rule for group in RULES["groups"] for rule in group["rules"] if kind in rule]


def expressions() -> list[str]:
    panels = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]
    notes = [each["expr"] for each in DASHBOARD["annotations"]["list"]]
    return [rule["expr"] for kind in ("alert", "record") for rule in rules(kind)] + panels + notes


def names_in(expression: str) -> set[str]:
    """Return the series an expression names: what is left without labels, ranges, numbers, functions and words."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", expression)
    bare = re.sub(r"\b(?:by|ignoring|on|without)\s*\([^)]*\)", " ", bare)
    return set(re.findall(r"[a-zA-Z_:][\w:]*", _CALL.sub(" ", bare))) - _WORDS


def test_whatever_is_looked_at_is_measured():
    metrics = declared_metrics()
    known = set(metrics) | OTHERS | {rule["record"] for rule in rules("record")}
    for name, (kind, _) in metrics.items():
        if kind == "histogram":
            known |= {f"{name}_bucket", f"{name}_count", f"{name}_sum"}
    looked_at = set().union(*map(names_in, expressions()))
    assert looked_at - known == set()
    # And the other way round: nothing is measured that nobody ever sees.
    seen = " ".join(expressions())
    assert [name for name in metrics if name not in seen] == []


def test_labels_that_are_asked_for_exist():
    allowed = {label for _, labels in declared_metrics().values() for label in labels}
    allowed |= {"le", "job", "instance", "kind", "outcome"}
    for expression in expressions():
        matched = {name for block in re.findall(r"\{([^}]*)\}", expression) for name in re.findall(r"(\w+)\s*=", block)}
        grouped = set()
        for block in re.findall(r"\b(?:by|ignoring)\s*\(([^)]*)\)", expression):
            grouped |= {name.strip() for name in block.split(",")}
        assert matched | grouped <= allowed, expression


def test_expressions_close_what_they_open():
    for expression in expressions():
        for opening, closing in ("()", "{}", "[]"):
            assert expression.count(opening) == expression.count(closing), expression
        assert expression.count('"') % 2 == 0, expression


def test_every_alert_says_how_bad_it_is_and_what_to_do():
    alerts = read_alerts(ROOT)
    assert len(alerts) == len(rules("alert")) >= 18
    assert len({alert.name for alert in alerts}) == len(alerts)
    for alert in alerts:
        assert alert.name.startswith("Primepos")
        assert alert.severity in {"critical", "high", "medium"}, alert.name
        assert runbook_path(ROOT, alert.runbook) is not None, alert.name
        text = (ROOT / alert.runbook).read_text(encoding="utf-8")
        assert f"`{alert.name}`" in text, f"{alert.runbook} does not name {alert.name}"
    assert all(rule["annotations"]["summary"] for rule in rules("alert"))


def test_runbooks_name_no_alert_that_does_not_exist():
    known = {alert.name for alert in read_alerts(ROOT)}
    for page in RUNBOOKS:
        assert set(re.findall(r"`(Primepos\w+)`", page.read_text(encoding="utf-8"))) <= known, page.name


def test_burn_rates_are_those_of_the_promise():
    by_name = {rule["alert"]: rule["expr"] for rule in rules("alert")}
    for name, ratio, times, long, short in (
        ("PrimeposErrorBudgetBurnsFast", "api_errors", "14.4 * 0.001", "1h", "5m"),
        ("PrimeposErrorBudgetBurns", "api_errors", "6 * 0.001", "6h", "30m"),
        ("PrimeposLatencyBudgetBurnsFast", "api_slow", "14.4 * 0.05", "1h", "5m"),
        ("PrimeposLatencyBudgetBurns", "api_slow", "6 * 0.05", "6h", "30m"),
    ):
        wanted = " and ".join(f"primepos:{ratio}:ratio_rate{window} > {times}" for window in (long, short))
        assert by_name[name] == wanted
    # The promise of 300 ms is a bucket of its own, so that what keeps it is counted and not guessed.
    assert 0.3 in HTTP_BUCKETS
    assert 'le="0.3"' in " ".join(rule["expr"] for rule in rules("record"))
    assert list(HTTP_BUCKETS) == sorted(HTTP_BUCKETS)
    assert list(DB_BUCKETS) == sorted(DB_BUCKETS)


def test_the_dashboard_is_one_that_grafana_takes():
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24, panel["title"]
        assert not cells & taken, panel["title"]
        taken |= cells
        for target in panel.get("targets", ()):
            assert target["datasource"]["uid"] == "${source}"
        for named in re.findall(r"docs/runbooks/\S+\.md", panel.get("description", "")):
            assert (ROOT / named).is_file(), panel["title"]


# --- runbooks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", RUNBOOKS, ids=lambda page: page.stem)
def test_a_runbook_tells_the_four_things_in_their_order(page):
    text = page.read_text(encoding="utf-8")
    assert missing_headings(text) == []
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Detect", "Mitigate", "Verify", "Rollback"]
    assert "```sh" in text
    assert max(map(len, text.splitlines())) < 240


def test_every_doctor_code_has_its_own_runbook():
    assert {page.stem.split("-")[0].upper() for page in RUNBOOKS if page.stem.startswith("doc0")} == set(DOCTOR_CODES)


def test_the_index_is_up_to_date_and_names_every_runbook():
    index = (ROOT / "docs/runbooks/index.md").read_text(encoding="utf-8")
    assert index == docs.runbook_index()
    assert all(f"({page.name})" in index for page in RUNBOOKS)


def commands() -> list[tuple[str, str]]:
    """Return every call of ours in a runbook: in its blocks of shell lines, and between backticks."""
    found = []
    for page in RUNBOOKS:
        text = page.read_text(encoding="utf-8")
        lines = [
            line.strip() for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) for line in block.splitlines()
        ]
        lines += re.findall(r"`(primepos [^`]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
        found += [(page.stem, line) for line in lines if line.startswith("primepos ")]
    return found


def test_runbooks_call_only_commands_and_options_that_exist():
    main = typer.main.get_command(root)
    context = main.make_context("primepos", [], resilient_parsing=True)
    checks = [one.id for one in catalogue()]
    wrong = []
    calls = commands()
    assert len(calls) > 60
    for page, line in calls:
        words = shlex.split(line.partition(" | ")[0])[1:]
        if words[0] == "doctor" and "doctor" not in LAZY:
            continue
        if words[0] not in LAZY:
            wrong.append((page, line))
            continue
        command: Any = load_command(words[0])
        rest = words[1:]
        while rest and rest[0] in getattr(command, "commands", {}):
            command = command.commands[rest.pop(0)]
        if getattr(command, "commands", None) and not command.invoke_without_command:
            wrong.append((page, line))
            continue
        inner = command.make_context(words[0], [], parent=context, resilient_parsing=True)
        options = {
            name for parameter in command.get_params(inner) for name in (*parameter.opts, *parameter.secondary_opts)
        }
        wrong += [(page, line) for word in rest if word.startswith("-") and word not in options]
        if words[0] == "check-deploy" and "--only" in rest:
            chosen = [word for word in rest if re.fullmatch(r"[A-Z]{2,4}(\d{3})?", word)]
            wrong += [(page, line) for word in chosen if not any(known.startswith(word) for known in checks)]
    assert wrong == []


def test_runbooks_name_only_settings_that_exist():
    known = {*BY_NAME, "TOKEN", "NAME", "FILE", "NUMBER", "PRIMEPOS_TOKEN"}
    wrong = []
    for page in RUNBOOKS:
        text = page.read_text(encoding="utf-8")
        named = set(
            re.findall(r"`((?:DB|AWS|EMAIL|JWT|SECRET|RATE|LOG|CORS|HSTS|OTEL|SENTRY|METRICS)_[A-Z0-9_]+)\b", text)
        )
        named |= set(re.findall(r"primepos env (?:explain|generate) ([A-Z0-9_]+)", text))
        wrong += [(page.stem, name) for name in named if name not in known and not name.endswith("_")]
    assert wrong == []
