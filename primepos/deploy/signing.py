"""Sign-offs: four roles that saw a report and agree, each bound to the commit and to what the report says.

They are files in ``deploy/signoffs``, one for each role and commit. A signature says who typed it, not that it was
they: whoever may write to the repository may write one, and its history tells who did.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from primepos.core.errors import RuleViolation
from primepos.deploy.check import CRITICAL, HIGH, Outcome, Place, Severity, check, failed, passed
from primepos.deploy.findings import SEVERITIES, digest_of

if TYPE_CHECKING:
    from primepos.deploy.report.document import Document
    from primepos.deploy.target import Target

FOLDER: Final = "deploy/signoffs"
SCHEMA: Final = 1
_COMMIT: Final = re.compile(r"[0-9a-f]{7,64}")


class Role(StrEnum):
    """Whose signatures a release needs."""

    DEV_LEAD = "dev-lead"
    DEVOPS = "devops"
    SECURITY = "security"
    PRODUCT = "product"

    @property
    def title(self) -> str:  # type: ignore[override]  # a role's title, not str.title
        """The role as people write it."""
        return _TITLES[self]


_TITLES: Final = {
    Role.DEV_LEAD: "Dev Lead",
    Role.DEVOPS: "DevOps",
    Role.SECURITY: "Security",
    Role.PRODUCT: "Product",
}


class NothingToSign(RuleViolation):
    """There is no commit to bind a signature to."""

    code = "NOTHING_TO_SIGN"
    template = "A sign-off is bound to a commit, and this is no checkout of one"


class NotSignable(RuleViolation):
    """The report says NO-GO: fix or waive first."""

    code = "NOT_SIGNABLE"
    template = "The report says NO-GO because of {checks}"
    hint = "Fix what it names, or waive it with a reason in deploy/waivers.toml; then sign."


class Signoff(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One role's consent to one report about one commit."""

    schema: int = SCHEMA
    role: str
    name: str
    signed_at: datetime
    commit: str
    report_digest: str
    verdict: str


@dataclass(frozen=True, slots=True)
class Found:
    """What the folder holds for a role: the consent that counts, or why the one that is there does not."""

    role: Role
    signoff: Signoff | None
    problem: str | None
    path: str


def sign(root: Path, role: Role, name: str, report: Document, now: datetime) -> Path:
    """Store a role's consent to a report; return its file, relative to the project.

    Raises: NothingToSign, NotSignable. Missing signatures alone are no reason to refuse one.
    """
    if report.commit is None:
        raise NothingToSign
    line = SEVERITIES.index(Severity(report.fail_on))
    blocking = [
        row.id
        for row in report.checks
        if row.status in {"fail", "error"} and row.id != "OPS081" and SEVERITIES.index(Severity(row.severity)) <= line
    ]
    if blocking or not report.executed:
        raise NotSignable(checks=", ".join(blocking) or "no check that ran")
    signoff = Signoff(
        role=role.value, name=name, signed_at=now, commit=report.commit, report_digest=report.digest,
        verdict=report.verdict,
    )  # fmt: skip
    return write_signoff(root, signoff).relative_to(root)


def write_signoff(folder: Path, signoff: Signoff) -> Path:
    """Store a consent, in place of the role's earlier one for the commit; return where."""
    path = folder / FOLDER / f"{signoff.commit[:12]}-{signoff.role}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(signoff), indent=2) + b"\n")
    return path


def read_signoffs(target: Target, digest: str | None) -> tuple[Found, ...]:
    """Return for each role what was signed for the checked commit and, if given, for the report of that digest."""
    held = [
        (path, _decode(path)) for path in sorted(target.path(FOLDER).glob("*.json")) if not path.name.startswith(".")
    ]
    return tuple(_of_role(role, held, target, digest) for role in Role)


def _decode(path: Path) -> Signoff | str:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Signoff)
    except msgspec.MsgspecError:
        return "is no sign-off"


def _of_role(role: Role, held: list[tuple[Path, Signoff | str]], target: Target, digest: str | None) -> Found:
    """Return the role's consent that counts, else the reason of the last one that does not."""
    problem, where = None, f"{FOLDER}/"
    for path, signoff in held:
        if not path.stem.endswith(f"-{role.value}"):
            continue
        where = f"{FOLDER}/{path.name}"
        problem = signoff if isinstance(signoff, str) else _problem(role, signoff, target, digest)
        if problem is None and isinstance(signoff, Signoff):
            return Found(role, signoff, None, where)
    return Found(role, None, problem, where)


def _problem(role: Role, signoff: Signoff, target: Target, digest: str | None) -> str | None:
    if signoff.schema != SCHEMA or signoff.role != role or not signoff.name.strip():
        return "is no sign-off of this role"
    if not _same_commit(signoff.commit, target):
        return "is for another commit"
    return "is for another report" if digest is not None and signoff.report_digest != digest else None


def _same_commit(signed: str, target: Target) -> bool:
    """Whether the checked commit is the signed one, or differs from it by sign-offs alone (they get committed)."""
    if not target.commit or not _COMMIT.fullmatch(signed):
        return False
    if signed == target.commit:
        return True
    return target.same_but(signed, FOLDER)


@check(
    "OPS081",
    HIGH,
    rule="Dev Lead, DevOps, Security and Product have signed this report about this commit",
    remedy="each of them: primepos check-deploy sign --role ROLE --name NAME",
    anchor="audit, sign-off",
)
def all_roles_have_signed(target: Target) -> Outcome:
    """Look for the four signatures; what the report says is known when the gate runs this one."""
    digest = None if target.findings is None else digest_of(target.findings)
    found = read_signoffs(target, digest)
    missing = [one for one in found if one.signoff is None]
    if not missing:
        return passed(", ".join(f"{one.role.title}: {one.signoff.name}" for one in found if one.signoff))
    told = "; ".join(f"{one.role.title} {one.problem or 'has not signed'}" for one in missing)
    places = [Place(one.path) for one in missing if one.problem]
    return failed(told, *places, severity=CRITICAL if target.signoff_required else None)
