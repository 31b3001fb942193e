"""What is generated from the registry equals what is in the tree."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from primepos.core.settings import Environment, examine
from primepos.core.settings_docs import BEGIN, END, env_template, main, settings_table, stale_files, with_table
from primepos.core.settings_names import name_problems, nearest
from primepos.core.settings_registry import BY_NAME, GROUPS, REGISTRY
from primepos.core.settings_sources import read_env_file

ROOT = Path(__file__).resolve().parents[2]


def test_the_example_file_and_the_table_equal_the_registry():
    assert stale_files(ROOT) == []


def test_the_example_file_names_every_variable_once_and_only_those():
    names = re.findall(r"^(?:# )?([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text("utf-8"), re.MULTILINE)
    assert names == [variable.name for group in GROUPS for variable in REGISTRY if variable.group == group]
    assert set(names) == set(BY_NAME)


def test_the_example_file_is_fit_for_development(tmp_path):
    found = examine({"PRIMEPOS_DATA_DIR": str(tmp_path)}, env_file=ROOT / ".env.example", component="env")
    assert found.environment is Environment.DEVELOPMENT
    assert found.problems == ()
    assert found.values["DEBUG"] is True


@pytest.mark.parametrize("environment", Environment)
def test_a_template_leaves_open_what_its_environment_requires(tmp_path, environment):
    file = tmp_path / "template.env"
    file.write_text(env_template(environment), "utf-8")
    opened = re.findall(r"^([A-Z][A-Z0-9_]+)=$", file.read_text("utf-8"), re.MULTILINE)
    assert opened == [variable.name for variable in REGISTRY if environment in variable.required_in]
    named = {} if environment is Environment.DEVELOPMENT else {"PRIMEPOS_ENV": environment.value}
    assert read_env_file(file) == (named or {"DEBUG": "True"})


def test_uncommented_defaults_are_the_defaults(tmp_path):
    file = tmp_path / "all.env"
    file.write_text(re.sub(r"^# ([A-Z][A-Z0-9_]+=)", r"\1", env_template(), flags=re.MULTILINE), "utf-8")
    with_all = examine({"PRIMEPOS_DATA_DIR": str(tmp_path)}, env_file=file, component="env")
    with_none = examine({"PRIMEPOS_DATA_DIR": str(tmp_path)}, component="env")
    assert with_all.problems == ()
    assert {**with_all.values, "DEBUG": False} == with_none.values


def test_the_table_shows_every_variable_and_no_stray_column():
    rows = [line for line in settings_table().splitlines() if line.startswith("| `")]
    assert {re.findall(r"`([A-Z0-9_]+)`", row)[0] for row in rows} > set(BY_NAME)
    for row in rows[: len(REGISTRY)]:
        assert len(re.findall(r"(?<!\\)\|", row)) == 7, row


def test_a_page_without_marks_is_refused():
    assert with_table(f"a\n{BEGIN}\nold\n{END}\nb").startswith(f"a\n{BEGIN}\n\n### Environment")
    with pytest.raises(ValueError, match="lacks"):
        with_table("a page")


def test_the_generator_writes_what_is_stale(tmp_path, capsys):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "settings.md").write_text(f"# Settings\n{BEGIN}\n{END}\n", "utf-8")
    assert stale_files(tmp_path) == [".env.example", "docs/settings.md"]
    assert stale_files(tmp_path, write=True) == [".env.example", "docs/settings.md"]
    assert stale_files(tmp_path) == []
    assert main([]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("DATABAS_URL", "DATABASE_URL"), ("ALLOWED_HOST", "ALLOWED_HOSTS"), ("SECRETKEY", "SECRET_KEY"),
        ("JWT_SERCET_KEY", "JWT_SECRET_KEY"), ("debug", "DEBUG"), ("CORS_ALLOWED_ORIGIN", "CORS_ALLOWED_ORIGINS"),
        ("HOME", None), ("PATH", None), ("PORTS", None), ("SOMETHING_ELSE", None), ("PGHOST", None),
    ],
)  # fmt: skip
def test_a_mistyped_name_is_recognised(name, meant):
    assert nearest(name) == meant


def test_only_our_names_and_near_misses_are_reported():
    names = ["PATH", "HOME", "PRIMEPOS_COLOUR", "DATABASE_URI", "LOGS_LEVEL", "RENDER", "PRIMEPOS_TENANT", "SECRET_KEY"]
    found = name_problems(names)
    assert [(problem.variable, problem.rule) for problem in found] == [
        ("DATABASE_URI", "ENV023"), ("PRIMEPOS_COLOUR", "ENV023"),
    ]  # fmt: skip
    assert "DATABASE_URL" in found[0].text
    assert not any(problem.fatal for problem in found)
