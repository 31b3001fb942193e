"""A deployment that is fit for production, to break in exactly one place.

``a_target(tmp_path)`` gives one whose static checks all pass; ``look("ENV002", target)`` runs one check on it.
"""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from primepos.deploy.check import catalogue
from primepos.deploy.target import Target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from primepos.deploy.check import Outcome

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)

# Made up for these tests; long and varied enough for the rules about keys.
GOOD_ENVIRONMENT: Mapping[str, str] = {
    "PRIMEPOS_ENV": "production",
    "SECRET_KEY": "k7Qz-9fLw2Vx8RmT4bYc6NpJ1hDs3GaE5uKo0WiXeZrBtMvHyCqUjPnFlSdAg",
    "JWT_SECRET_KEY": "J3nV8xR5tB2mK9wQ6zL1cF4hY7pD0sGaUeXiOo",
    "PIN_PEPPER": "P1qW2eR3tY4uI5oP6aS7dF8gH9jK0lZxCvBnMm",
    "BACKUP_KEY": "B0mN9bV8cX7zL6kJ5hG4fD3sA2pO1iUyTrEwQq",
    "FIELD_ENCRYPTION_KEYS": "F5dS4aP3oI2uY1tR0eW9qL8kJ7hG6fD5sA4zXxCcVb8",
    "ALLOWED_HOSTS": "api.brightfruit.shop,primepos-api.onrender.com",
    "CORS_ALLOWED_ORIGINS": "https://tills.brightfruit.shop",
    "DATABASE_URL": "postgresql://primepos:dWk3LqZ8vXn5RtY2@dpg-c0ffee-a/primepos",
    "DB_SSLMODE": "require",
    "LOG_LEVEL": "INFO",
    "LOG_FORMAT": "json",
    "EMAIL_BACKEND": "smtp",
    "EMAIL_HOST": "smtp.brightfruit.shop",
    "EMAIL_PORT": "587",
    "EMAIL_HOST_USER": "till",
    "EMAIL_HOST_PASSWORD": "mW5rT8yU2iO6pA9s",
    "DEFAULT_FROM_EMAIL": "till@brightfruit.shop",
    "SENTRY_DSN": "https://0123456789abcdef0123456789abcdef@o1.ingest.sentry.io/42",
    "METRICS_TOKEN": "M8tR5kW2zQ9xV6nB3yL0cF7hJ4pD1sGa",
    "TRUSTED_PROXIES": "render",
    "HSTS_SECONDS": "31536000",
    "HSTS_INCLUDE_SUBDOMAINS": "True",
    "PUBLIC_BASE_URL": "https://api.brightfruit.shop",
    "FRONTEND_URL": "https://tills.brightfruit.shop",
    "RENDER": "true",
    "PORT": "10000",
    "HOST": "0.0.0.0",
}

FRONTEND_FILE = "NEXT_PUBLIC_API_URL=https://api.brightfruit.shop/api/v1\nNEXT_PUBLIC_USE_REAL_API=true\n"


# What people fill in: the project's own files wait for it.
EVIDENCE = """
[[drill]]
kind = "rollback"
held_on = 2026-11-20
passed = true

[load_test]
held_on = 2026-11-20
requests = 100000
errors = 0
p95_ms = 120

[accessibility]
held_on = 2026-11-20
standard = "WCAG 2.1 AA"
by = "Mira"
open_findings = 0
"""
CONTACTS = "".join(
    f'[{role}]\nwho = "Mira"\nreach = "the operations channel"\naccess = "the vault, item {role}"\n'
    for role in ("on_call", "platform", "database", "domain_registrar", "mail", "security", "product")
)


def a_project(folder: Path) -> Path:
    """Copy of what the checks read of this project, as a repository of its own with one commit."""
    for name in ("render.yaml", ".env.example", "requirements.lock", "requirements-embedded.lock", ".gitignore"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, folder / name)
    for name in ("migrations", "deploy", "docs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "deploy" / "evidence.toml").write_text(EVIDENCE)
    (folder / "deploy" / "contacts.toml").write_text(CONTACTS)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "-c", "user.name=t", "-c", "user.email=t@t.invalid", "commit", "-q", "-m", "a release")
    # Beside the repository's files, not among them: ENV025 refuses settings under version control.
    (folder / "frontend.env").write_text(FRONTEND_FILE)
    return folder


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder and return what it printed."""
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def a_target(folder: Path, environ: Mapping[str, str | None] | None = None, **given: Any) -> Target:
    """Return the good deployment in ``folder`` (see :func:`a_project`); None in ``environ`` takes a variable out."""
    chosen = {**GOOD_ENVIRONMENT, **(environ or {})}
    return Target(
        root=folder,
        environ={name: text for name, text in chosen.items() if text is not None},
        frontend_env=folder / "frontend.env",
        now=NOW,
        **given,
    )


def look(check_id: str, target: Target) -> Outcome:
    """Run one check of the catalogue, whatever it needs."""
    (found,) = [one for one in catalogue() if one.id == check_id]
    return found.run(target)
