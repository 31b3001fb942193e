"""The ways to write a report, each loaded when it is asked for."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from primepos.deploy.findings import Report
    from primepos.deploy.target import Target


class Format(StrEnum):
    """How a report is written."""

    TABLE = "table"
    JSON = "json"
    SARIF = "sarif"
    JUNIT = "junit"
    MARKDOWN = "markdown"
    GITHUB = "github"


def written(report: Report, target: Target, format_: Format) -> str:
    """Return the report as text; the files of ``target`` give lines to what is shown beside them."""
    match format_:
        case Format.TABLE:
            from primepos.deploy.report.table import render_table

            return render_table(report)
        case Format.JSON:
            from primepos.deploy.report.document import render_json

            return render_json(report)
        case Format.SARIF:
            from primepos.deploy.report.sarif import render_sarif

            return render_sarif(report, target)
        case Format.JUNIT:
            from primepos.deploy.report.junit import render_junit

            return render_junit(report)
        case Format.MARKDOWN:
            from primepos.deploy.report.markdown import render_markdown

            return render_markdown(report)
        case Format.GITHUB:
            from primepos.deploy.report.github import render_github

            return render_github(report, target)
