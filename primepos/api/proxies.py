"""Whose X-Forwarded-For is believed.

The header is walked from the right: the first address that is not one of these networks is the client. What a client
writes into it stands further left and is never reached.
"""

from __future__ import annotations

from collections.abc import Iterable

PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "::1/128", "fc00::/7")

# Render answers through Cloudflare, whose edge is the last address of the header. As published by Cloudflare.
CLOUDFLARE = (
    "173.245.48.0/20",
    "103.21.244.0/22",
    "103.22.200.0/22",
    "103.31.4.0/22",
    "141.101.64.0/18",
    "108.162.192.0/18",
    "190.93.240.0/20",
    "188.114.96.0/20",
    "197.234.240.0/22",
    "198.41.128.0/17",
    "162.158.0.0/15",
    "104.16.0.0/13",
    "104.24.0.0/14",
    "172.64.0.0/13",
    "131.0.72.0/22",
    "2400:cb00::/32",
    "2606:4700::/32",
    "2803:f800::/32",
    "2405:b500::/32",
    "2405:8100::/32",
    "2a06:98c0::/29",
    "2c0f:f248::/32",
)


def networks(trusted: Iterable[str]) -> list[str]:
    """Return the networks behind TRUSTED_PROXIES, the preset ``render`` written out."""
    found: list[str] = []
    for each in trusted:
        found += [*PRIVATE, *CLOUDFLARE] if each == "render" else [each]
    return list(dict.fromkeys(found))
