"""TLS001-TLS003: the certificate and the versions of TLS."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from primepos.deploy.check import CRITICAL, HIGH, Needs, check, failed, passed

if TYPE_CHECKING:
    from primepos.deploy.check import Outcome
    from primepos.deploy.target import Target

LEFT_DAYS = 21
URGENT_DAYS = 7
_MODERN = frozenset({"TLSv1.2", "TLSv1.3"})


@check(
    "TLS001", CRITICAL, Needs.URL, rule="The certificate is issued by an authority browsers know, for this host",
    remedy="Let the platform issue it; the name's CNAME must point there", anchor="MDN HTTP Observatory",
)  # fmt: skip
def certificate_is_trusted(target: Target) -> Outcome:
    """Verify chain and name; the dates are TLS002's."""
    if not target.http.is_https:
        return failed(f"{target.http.base} is plain HTTP")
    found = target.http.certificate
    if found.problem is not None:
        return failed(f"{found.problem}; issued by {found.issuer} for {', '.join(found.names[:5]) or 'nobody'}")
    return passed(f"issued by {found.issuer}")


@check(
    "TLS002", HIGH, Needs.URL, rule=f"The certificate lasts {LEFT_DAYS} days or more",
    remedy="Renew it; on a platform that renews by itself look at why it does not",
)  # fmt: skip
def certificate_lasts(target: Target) -> Outcome:
    """Count the days that are left; a week or less is critical."""
    if not target.http.is_https:
        return failed(f"{target.http.base} is plain HTTP")
    found = target.http.certificate
    left = found.ends - target.now
    told = f"ends {found.ends:%Y-%m-%d}, {left // timedelta(days=1)} days left"
    if not found.in_time or left <= timedelta(days=URGENT_DAYS):
        return failed(told if left < timedelta(days=LEFT_DAYS) else f"not valid now; {told}", severity=CRITICAL)
    return passed(told) if left >= timedelta(days=LEFT_DAYS) else failed(told)


@check(
    "TLS003", HIGH, Needs.URL, rule="TLS 1.2 or newer is spoken, and nothing older",
    remedy="Switch TLS 1.0 and 1.1 off where TLS ends", anchor="ASVS 12.1",
)  # fmt: skip
def only_modern_tls(target: Target) -> Outcome:
    """Shake hands as today, then offer the old versions only."""
    if not target.http.is_https:
        return failed(f"{target.http.base} is plain HTTP")
    spoken = target.http.certificate.version
    if spoken not in _MODERN:
        return failed(f"speaks {spoken}")
    old = target.http.old_tls()
    return failed(f"takes {old}") if old else passed(f"{spoken}; 1.0 and 1.1 are refused")
