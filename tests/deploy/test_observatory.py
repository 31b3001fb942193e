"""The rules of MDN's HTTP Observatory: the cases its own suite has, restated."""

from __future__ import annotations

from typing import Any

import hypothesis
import hypothesis.strategies as st
import pytest

from primepos.deploy import observatory
from primepos.deploy.observatory_csp import PolicyInvalid, parse_policies
from primepos.deploy.observatory_page import TESTER_ORIGIN, Page
from primepos.deploy.observatory_points import POINTS, grade

HOST = "brightfruit.shop"
HASH = "'sha256-hqBEA/HXB3aJU2FgOnYN8rkAgEVgyfi3Vs1j2/XMPBA='"
OTHER_HASH = "'sha256-hqBEA/HXB3aJU2FgOnYN8rkAgEVgyfi3Vs1j2/XMPBB='"
HSTS = "max-age=15768000"
PINNED = 'integrity="sha384-zTm" crossorigin="anonymous"'


def page(*headers: tuple[str, str], body: str = "", **more: Any) -> Page:
    kind = () if any(name == "content-type" for name, _ in headers) else (("content-type", "text/html"),)
    return Page(hostname=HOST, headers=(*kind, *headers), body=body, **more)


def policy(value: str, *more: str, body: str = "") -> Page:
    return page(*(("content-security-policy", each) for each in (value, *more)), body=body)


def meta(*policies: str) -> str:
    return "".join(f'<meta http-equiv="Content-Security-Policy" content="{each}">' for each in policies)


# --- Content-Security-Policy -----------------------------------------------------------------------------------------

NONE, FINE = "csp-implemented-with-no-unsafe-default-src-none", "csp-implemented-with-no-unsafe"
STYLE = "csp-implemented-with-unsafe-inline-in-style-src-only"
PASSIVE = "csp-implemented-with-insecure-scheme-in-passive-content-only"
INLINE, SCHEME = "csp-implemented-with-unsafe-inline", "csp-implemented-with-insecure-scheme"
INVALID = "csp-header-invalid"

NARROWED = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'"

POLICIES = [
    ("  ", INVALID),
    ("", INVALID),
    ("default-src 'none'; default-src 'none'", INVALID),
    ("default-src 'none'; img-src 'self'; default-src 'none'", INVALID),
    ("default-src 'none'; script-src 'strict-dynamic'", INVALID),
    ("defa", INVALID),
    ("default-src 'none'; script-src https://*", INLINE),
    ("default-src 'none'; script-src 'unsafe-inline'", INLINE),
    ("default-src http://till.shop", SCHEME),
    ("default-src 'none'; script-src http://till.shop", SCHEME),
    ("default-src 'none'; script-src ftp://till.shop", SCHEME),
    ("default-src 'none'; img-src http://till.shop", PASSIVE),
    ("default-src 'self'; img-src ftp:", PASSIVE),
    ("default-src 'self'; img-src http:", PASSIVE),
    ("default-src 'none'; img-src https:; media-src http://till.shop", PASSIVE),
    ("default-src 'none'; img-src http: https:; script-src 'self'; style-src 'self'", PASSIVE),
    ("default-src 'none'; img-src 'none'; media-src http:; script-src 'self'; style-src 'unsafe-inline'", PASSIVE),
    ("script-src 'unsafe-inline'", INLINE),
    ("script-src data:", INLINE),
    ("script-src http:", INLINE),
    ("script-src ftp:", INLINE),
    ("default-src 'unsafe-inline'", INLINE),
    ("default-src 'UNSAFE-INLINE'", INLINE),
    ("upgrade-insecure-requests", INLINE),
    ("script-src 'none'", INLINE),
    ("script-src https://till.shop https:", INLINE),
    ("default-src https://till.shop https:", INLINE),
    ("default-src 'none'; script-src *", INLINE),
    ("default-src *; script-src *; object-src 'none'", INLINE),
    ("default-src 'none'; script-src 'none'; object-src *", INLINE),
    ("default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'", INLINE),
    ("default-src 'none'; script-src 'unsafe-inline' http:", INLINE),
    ("object-src https:; script-src 'none'", INLINE),
    ("default-src 'none'; script-src 'unsafe-eval'", "csp-implemented-with-unsafe-eval"),
    ("object-src 'none'; script-src 'none'; style-src 'unsafe-inline'", STYLE),
    ("default-src 'none'; script-src https://till.shop; style-src 'unsafe-inline'", STYLE),
    ("default-src 'unsafe-inline'; script-src https://till.shop", STYLE),
    ("default-src 'none';;; ;;;style-src 'self' 'unsafe-inline'", STYLE),
    ("default-src 'none'; style-src data:", STYLE),
    ("default-src 'none'; style-src *", STYLE),
    ("default-src 'none'; style-src https:", STYLE),
    (f"default-src 'none'; style-src 'unsafe-inline'; script-src {HASH} 'unsafe-inline'", STYLE),
    ("default-src https://till.shop", FINE),
    ("default-src https://till.shop;;; ;;;script-src 'none'", FINE),
    ("object-src 'none'; script-src https://till.shop; style-src https://till.shop; upgrade-insecure-requests;", FINE),
    ("object-src 'none'; script-src 'strict-dynamic' 'nonce-abc' 'unsafe-inline'; style-src 'none'", FINE),
    (f"object-src 'none'; style-src 'self';script-src {HASH}", FINE),
    (f"object-src 'none'; style-src 'self'; script-src 'unsafe-inline' {HASH} {OTHER_HASH}", FINE),
    ("object-src 'none'; script-src 'unsafe-inline' 'nonce-abc123' 'unsafe-inline'; style-src 'none'", FINE),
    ("default-src https://till.shop; style-src 'unsafe-inline' 'nonce-abc123' 'unsafe-inline'", FINE),
    ("default-src", NONE),
    ("default-src 'none'; script-src 'strict-dynamic' 'nonce-abc123' 'unsafe-inline'", NONE),
    ("default-src 'none'; script-src https://till.shop; style-src https://till.shop", NONE),
    ("default-src 'none'; object-src https://till.shop", NONE),
    ("default-src 'none'; script-src 'strict-dynamic' 'sha256-abc123'", NONE),
    ("default-src 'none'; script-src 'strict-dynamic' 'sha256-abc123' https://*", NONE),
    ("default-src 'none'; script-src 'self', default-src 'none'; script-src 'self'", NONE),
    (
        f"{NARROWED}, default-src 'none'; style-src 'self', {NARROWED}",
        NONE,
    ),
    ("default-src 'none'; report-uri /a; report-uri /b", "csp-implemented-but-duplicate-directives"),
]


@pytest.mark.parametrize(("value", "expected"), POLICIES)
def test_a_policy_is_as_good_as_the_worst_thing_it_allows(value, expected):
    assert observatory.content_security_policy(policy(value)) == expected


def test_without_a_policy_a_page_may_do_anything_even_where_violations_are_reported():
    assert observatory.content_security_policy(page()) == "csp-not-implemented"
    reporting = page(("content-security-policy-report-only", "default-src 'none'; report-to /csp"))
    assert observatory.content_security_policy(reporting) == "csp-not-implemented-but-reporting-enabled"


@pytest.mark.parametrize(
    ("header", "in_page"),
    [
        (None, ["default-src 'none'"]),
        (None, ["default-src 'none'", "default-src 'none'", "default-src 'none'", "default-src 'none'"]),
        ("default-src 'none'", ["default-src 'none'"]),
        ("default-src 'none'", ["default-src https:"]),
        ("default-src http:", ["default-src https:"]),
        ("img-src 'none'", ["default-src 'none'"]),
    ],
)
def test_a_policy_in_the_page_counts_beside_the_header_s(header, in_page):
    body = meta(*in_page)
    found = page(body=body) if header is None else policy(header, body=body)
    assert observatory.content_security_policy(found) == NONE


def test_what_only_a_header_may_say_is_ignored_in_the_page():
    assert observatory.content_security_policy(page(body=meta("frame-ancestors 'none'"))) == "csp-not-implemented"
    both = policy("frame-anchestors 'none'", body=meta("frame-ancestors 'none'"))
    assert observatory.content_security_policy(both) == INLINE


def test_plain_http_pages_may_load_over_plain_http():
    found = Page(hostname=HOST, headers=(("content-security-policy", "default-src http://till.shop"),), is_https=False)
    assert observatory.content_security_policy(found) == FINE


A, B, C, D = "https://a.shop", "https://b.shop", "https://c.shop", "https://d.shop"


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        (["default-src 'none'"], {"default-src": {"'none'"}}),
        ([f"default-src 'none'; script-src 'self' {A}"], {"default-src": {"'none'"}, "script-src": {"'self'", A}}),
        ([f"script-src 'self' {A}"] * 2, {"script-src": {"'self'", A}}),
        ([f"script-src 'self' {A}", f"script-src 'self' {A} {B}"], {"script-src": {"'self'", A}}),
        ([f"script-src 'self' {A}", f"script-src {B} 'self' {A}"], {"script-src": {"'self'", A}}),
        ([f"default-src {A}", f"default-src {B}"], {"default-src": {"'none'"}}),
        ([f"default-src {A} {B}", f"default-src {C} {D}"], {"default-src": {"'none'"}}),
        ([f"default-src {A} {B} {C}", f"default-src {D} {B} {A}"], {"default-src": {A, B}}),
        (
            [
                f"default-src {A} {B} {C}",
                f"default-src {D} {B} {A}",
                f"default-src {B} {A}",
                f"default-src {A} {B} {D}",
            ],
            {"default-src": {A, B}},
        ),
        ([f"default-src {A}/fire", f"default-src {A}/firefox/"], {"default-src": {"'none'"}}),
        ([f"default-src {A}/f/", f"default-src {A}/f/down/"], {"default-src": {f"{A}/f/down/"}}),
        ([f"default-src {A}/f/down/", f"default-src {A}/f/"], {"default-src": {f"{A}/f/down/"}}),
        (["default-src http:", "default-src https:"], {"default-src": {"'none'"}}),
        (["default-src http: http:", "default-src https: https:"], {"default-src": {"'none'"}}),
    ],
)
def test_policies_narrow_each_other(policies, expected):
    assert parse_policies(policies).directives == expected


@pytest.mark.parametrize(
    "value",
    ["  ", "\r\n", "\r\n\r\n\r\n", "", "default-src 'none'; default-src 'none'", "img-src a; img-src b", "defa"],
)
def test_a_policy_that_cannot_be_read_is_refused(value):
    with pytest.raises(PolicyInvalid):
        parse_policies([value])


def test_a_long_policy_of_a_real_site_is_read():
    value = (
        "default-src 'self' blob: https://*.news.shop:* *.news.io; script-src 'unsafe-eval' 'unsafe-inline' 'self' *; "
        "style-src 'unsafe-inline' 'self' blob: *; img-src 'self' data: blob: *; frame-ancestors 'self' *.news.io:*;"
    )
    assert set(parse_policies([value]).directives) == {
        "default-src", "script-src", "style-src", "img-src", "frame-ancestors",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["report-uri", "report-to"])
def test_reporting_twice_is_told_and_forgiven(name):
    assert parse_policies([f"{name} /one ; {name} /two"]).repeated == {name}


# --- cookies ---------------------------------------------------------------------------------------------------------

ALL_FLAGS = "Path=/; Secure; HttpOnly"


@pytest.mark.parametrize(
    ("cookies", "hsts", "expected"),
    [
        ([], "", "cookies-not-found"),
        (["heroku-session-affinity=1; Path=/"], "", "cookies-not-found"),
        ([f"SESSIONID=1; {ALL_FLAGS}", "basket=1; Secure"], "", "cookies-secure-with-httponly-sessions"),
        (
            [f"SESSION_{each}=1; {ALL_FLAGS}; SameSite={each}" for each in ("Strict", "Lax", "None")],
            "",
            "cookies-secure-with-httponly-sessions-and-samesite",
        ),
        (
            [f"SESSION_A=1; {ALL_FLAGS}; SameSite=Strict", f"SESSION_B=1; {ALL_FLAGS}"],
            "",
            "cookies-secure-with-httponly-sessions",
        ),
        ([f"CSRFTOKEN=1; {ALL_FLAGS}"], "", "cookies-anticsrf-without-samesite-flag"),
        ([f"SESSIONID=1; {ALL_FLAGS}; SameSite="], "", "cookies-samesite-flag-invalid"),
        ([f"SESSIONID=1; {ALL_FLAGS}; SameSite=True"], "", "cookies-samesite-flag-invalid"),
        ([f"SESSIONID=1; {ALL_FLAGS}; SameSite=Invalid"], "", "cookies-samesite-flag-invalid"),
        (["basket=1; SameSite=None"], "", "cookies-samesite-flag-invalid"),
        (["basket=1; Path=/"], HSTS, "cookies-without-secure-flag-but-protected-by-hsts"),
        (["SESSIONID=1; HttpOnly"], HSTS, "cookies-session-without-secure-flag-but-protected-by-hsts"),
        (["basket=1; Path=/"], "", "cookies-without-secure-flag"),
        (["SESSIONID=1; Secure"], "", "cookies-session-without-httponly-flag"),
        (["SESSIONID=1; HttpOnly"], "", "cookies-session-without-secure-flag"),
        (["SESSIONID=1; Path=/"], "", "cookies-session-without-secure-flag"),
        (["SESSIONID=1", f"SESSIONID=2; {ALL_FLAGS.partition('; ')[2]}"], "", "cookies-secure-with-httponly-sessions"),
    ],
)
def test_the_worst_cookie_counts(cookies, hsts, expected):
    https = (("strict-transport-security", hsts),) if hsts else ()
    assert observatory.cookies(page(*(("set-cookie", each) for each in cookies), https_headers=https)) == expected


# --- Subresource Integrity -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scripts", "expected"),
    [
        ([], "sri-not-implemented-but-no-scripts-loaded"),
        (['src="/own.js"'], "sri-not-implemented-but-all-scripts-loaded-from-secure-origin"),
        ([f'src="https://www.{HOST}/own.js"'], "sri-not-implemented-but-all-scripts-loaded-from-secure-origin"),
        ([f'src="//www.{HOST}/own.js"'], "sri-not-implemented-and-external-scripts-not-loaded-securely"),
        (
            ['src="/own.js"', f'src="https://cdn.io/x.js" {PINNED}'],
            "sri-implemented-and-external-scripts-loaded-securely",
        ),
        ([f'src="https://localhost/x.js" {PINNED}'], "sri-implemented-and-external-scripts-loaded-securely"),
        ([f'src="/own.js" {PINNED}'], "sri-implemented-and-all-scripts-loaded-securely"),
        (['src="https://cdn.io/x.js"'], "sri-not-implemented-but-external-scripts-loaded-securely"),
        (
            ['src="/own.js"', f'src="http://cdn.io/x.js" {PINNED}', f'src="https://cdn.io/y.js" {PINNED}'],
            "sri-implemented-but-external-scripts-not-loaded-securely",
        ),
        ([f'src="//cdn.io/x.js" {PINNED}'], "sri-implemented-but-external-scripts-not-loaded-securely"),
        (['src="/own.js"', 'src="http://cdn.io/x.js"'], "sri-not-implemented-and-external-scripts-not-loaded-securely"),
        (['src="/own.js"', 'src="//cdn.io/x.js"'], "sri-not-implemented-and-external-scripts-not-loaded-securely"),
    ],
)
def test_scripts_of_other_hosts_are_pinned_and_loaded_over_https(scripts, expected):
    body = "".join(f"<script {each}></script>" for each in scripts)
    assert observatory.subresource_integrity(page(body=f"<html><head>{body}</head></html>")) == expected


def test_what_is_no_page_loads_no_scripts():
    found = page(("content-type", "application/json"), body='{"a": "<script src=//cdn.io/x.js>"}')
    assert observatory.subresource_integrity(found) == "sri-not-implemented-response-not-html"


# --- redirection -----------------------------------------------------------------------------------------------------

H, S = "http://brightfruit.shop/", "https://brightfruit.shop/"
HW, SW = "http://www.brightfruit.shop/", "https://www.brightfruit.shop/"


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        (None, "redirection-not-needed-no-http"),
        ([H], "redirection-missing"),
        ([H, HW], "redirection-not-to-https"),
        ([H, HW, f"{HW}en/"], "redirection-not-to-https"),
        ([H, S], "redirection-to-https"),
        ([H, "https://brightfruit.shop:8443/"], "redirection-to-https"),
        ([H, HW, SW], "redirection-not-to-https-on-initial-redirection"),
        ([H, SW], "redirection-off-host-from-http"),
    ],
)
def test_plain_http_leads_to_https_on_the_same_host_at_once(route, expected):
    assert observatory.redirection(page(route=None if route is None else tuple(route))) == expected


def test_hosts_that_browsers_know_need_no_redirection_and_a_bad_certificate_makes_it_worthless():
    preloaded = page(route=(H, SW), preloaded=frozenset({HOST}))
    assert observatory.redirection(preloaded) == "redirection-all-redirects-preloaded"
    assert observatory.redirection(page(route=(H, S), http_verified=False)) == "redirection-invalid-cert"


# --- one header each -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "hsts-not-implemented"),
        ("includeSubDomains; preload", "hsts-header-invalid"),
        (f"{HSTS}; includeSubDomains, {HSTS}; includeSubDomains", "hsts-header-invalid"),
        ("max-age=soon", "hsts-header-invalid"),
        ("max-age=86400", "hsts-implemented-max-age-less-than-six-months"),
        (f"{HSTS}; includeSubDomains; preload", "hsts-implemented-max-age-at-least-six-months"),
    ],
)
def test_https_is_kept_to_for_half_a_year(value, expected):
    https = () if value is None else (("strict-transport-security", value),)
    assert observatory.strict_transport_security(page(https_headers=https)) == expected


def test_hsts_counts_only_over_https_with_a_good_certificate_or_where_browsers_know_the_host():
    https = (("strict-transport-security", HSTS),)
    assert observatory.strict_transport_security(page(*https, https_headers=None)) == "hsts-not-implemented-no-https"
    unproven = page(https_headers=https, https_verified=False)
    assert observatory.strict_transport_security(unproven) == "hsts-invalid-cert"
    for known, expected in (
        (HOST, "hsts-preloaded"),
        ("shop", "hsts-preloaded"),
        ("fruit.shop", "hsts-not-implemented"),
    ):
        assert observatory.strict_transport_security(page(preloaded=frozenset({known}))) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("no-referrer", "private"),
        ("same-origin", "private"),
        ("strict-origin", "private"),
        ("STRICT-ORIGIN", "private"),
        ("strict-origin-when-cross-origin", "private"),
        ("origin", "unsafe"),
        ("origin-when-cross-origin", "unsafe"),
        ("unsafe-url", "unsafe"),
        ("origin-when-cross-origin, no-referrer, unsafe-url", "unsafe"),
        ("no-referrer, unsafe-url", "unsafe"),
        ("no-referrer, whimsy", "private"),
        ("whimsy", "header-invalid"),
        ("whimsy, whimsy1, whimsy2", "header-invalid"),
    ],
)
def test_the_last_known_referrer_policy_counts(value, expected):
    assert observatory.referrer_policy(page(("referrer-policy", value))) == f"referrer-policy-{expected}"


def test_the_page_s_own_referrer_policy_goes_before_the_header_s():
    body = '<meta name="referrer" content="no-referrer, same-origin">'
    assert observatory.referrer_policy(page(body=body)) == "referrer-policy-private"
    assert observatory.referrer_policy(page(("referrer-policy", "unsafe-url"), body=body)) == "referrer-policy-private"
    assert observatory.referrer_policy(page()) == "referrer-policy-not-implemented"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], "not-implemented"),
        ([("x-frame-options", "whimsy")], "header-invalid"),
        ([("x-frame-options", "SAMEORIGIN, SAMEORIGIN")], "header-invalid"),
        ([("x-frame-options", "ALLOW-FROM https://till.shop")], "allow-from-origin"),
        ([("x-frame-options", "DENY")], "sameorigin-or-deny"),
        ([("x-frame-options", "SAMEORIGIN")], "sameorigin-or-deny"),
        (
            [("x-frame-options", "DENY"), ("content-security-policy", "frame-ancestors https://till.shop")],
            "implemented-via-csp",
        ),
    ],
)
def test_framing_is_refused(headers, expected):
    assert observatory.x_frame_options(page(*headers)) == f"x-frame-options-{expected}"


def test_framing_cannot_be_refused_from_inside_the_page():
    body = '<meta http-equiv="X-Frame-Options" content="DENY">'
    assert observatory.x_frame_options(page(body=body)) == "x-frame-options-not-implemented"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], "corp-not-implemented"),
        (["whimsy"], "corp-header-invalid"),
        (["same-site"], "corp-implemented-with-same-site"),
        (["same-origin"], "corp-implemented-with-same-origin"),
        (["cross-origin"], "corp-implemented-with-cross-origin"),
        (["same-origin", "cross-origin"], "corp-header-invalid"),
    ],
)
def test_who_may_embed_the_answer(values, expected):
    headers = [("cross-origin-resource-policy", each) for each in values]
    assert observatory.cross_origin_resource_policy(page(*headers)) == expected


@pytest.mark.parametrize(
    ("rule", "header", "good"),
    [
        ("coep", "cross-origin-embedder-policy", ["require-corp", "credentialless", "unsafe-none"]),
        (
            "coop",
            "cross-origin-opener-policy",
            ["same-origin", "same-origin-allow-popups", "noopener-allow-popups", "unsafe-none"],
        ),
    ],
)
def test_isolation_headers_are_one_token(rule, header, good):
    judge = observatory.RULES[header]
    assert judge(page()) == f"{rule}-not-implemented"
    for each in good:
        assert judge(page((header, each))) == f"{rule}-implemented-with-{each}"
        assert judge(page((header, f'{each}; report-to="endpoint"'))) == f"{rule}-implemented-with-{each}"
    for each in ("whimsy", f'"{good[0]}"', good[0].upper(), f"{good[0]}; report-to=one two"):
        assert judge(page((header, each))) == f"{rule}-header-invalid"
    assert judge(page((header, good[0]), (header, "unsafe-none"))) == f"{rule}-header-invalid"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], "not-implemented"),
        ([("access-control-allow-origin", "*")], "implemented-with-public-access"),
        ([("access-control-allow-origin", "https://till.shop")], "implemented-with-restricted-access"),
        (
            [
                ("access-control-allow-origin", TESTER_ORIGIN),
                ("access-control-allow-credentials", "true"),
            ],
            "implemented-with-universal-access",
        ),
    ],
)
def test_no_page_reads_this_one_in_its_visitor_s_name(headers, expected):
    found = page(cors_headers=tuple(headers))
    assert observatory.cross_origin_resource_sharing(found) == f"cross-origin-resource-sharing-{expected}"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([], "not-implemented"),
        ([("x-content-type-options", "whimsy")], "header-invalid"),
        ([("x-content-type-options", "nosniff")], "nosniff"),
        ([("x-content-type-options", "NoSniff ")], "nosniff"),
    ],
)
def test_types_are_not_guessed(headers, expected):
    assert observatory.x_content_type_options(page(*headers)) == f"x-content-type-options-{expected}"


# --- the grade -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("points", "expected"),
    [(100, (100, "A+")), (0, (0, "F")), (120, (120, "A+")), (-10, (0, "F")), (88, (88, "A-")), (94, (94, "A"))],
)
def test_a_grade_is_that_of_the_five_below(points, expected):
    assert grade(points) == expected


def test_every_result_of_a_rule_has_its_points():
    rules = {
        "csp",
        "cookies",
        "coep",
        "coop",
        "cross-origin-resource-sharing",
        "redirection",
        "referrer-policy",
        "hsts",
    }
    rules |= {"sri", "x-content-type-options", "x-frame-options", "corp"}
    assert {name for each in POINTS for name in rules if each.startswith(name)} == rules
    assert len(observatory.RULES) == 12


GOOD = (
    ("content-type", "application/json"),
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
)
HTTPS = (("strict-transport-security", HSTS),)


def test_bonuses_count_where_nothing_serious_is_wrong():
    scored = observatory.score(page(*GOOD, https_headers=HTTPS, route=(H, S)))
    # policy 10, framing 5, referrer 5, CORP 10, COOP 10
    assert (scored.points, scored.grade) == (140, "A+")
    slightly = [each for each in GOOD if each[0] != "x-content-type-options"]
    assert observatory.score(page(*slightly, https_headers=HTTPS, route=(H, S))).points == 135


def test_bonuses_do_not_make_up_for_a_serious_fault():
    scored = observatory.score(page(*GOOD, https_headers=(), route=(H, S)))
    assert (scored.points, scored.grade) == (80, "B+")
    assert scored.breakdown().startswith("hsts-not-implemented -20, ")


def test_a_bare_page_fails():
    scored = observatory.score(page(https_headers=None, route=(H,)))
    # policy -25, framing -20, HSTS -20, redirection -20, nosniff -5
    assert (scored.points, scored.grade) == (10, "F")


def test_only_answers_are_scored():
    for status in (200, 304, 401, 403):
        observatory.score(page(status=status))
    for status in (404, 500, 429):
        with pytest.raises(ValueError, match=f"status {status}"):
            observatory.score(page(status=status))


ANY_TEXT = st.text(st.characters(codec="utf-8"), max_size=60)
POLICY_TEXT = st.lists(
    st.sampled_from(
        ["default-src", "script-src", "'none'", "'self'", "https:", "*", ";", ",", "'nonce-a'", "%", "//", " "]
    )
).map(" ".join)
NAMES = st.sampled_from([
    "content-security-policy", "set-cookie", "strict-transport-security", "referrer-policy", "x-frame-options",
    "x-content-type-options", "cross-origin-resource-policy", "cross-origin-opener-policy", "content-type",
])  # fmt: skip
MARKUP = st.lists(
    st.sampled_from(
        [
            "<script src=",
            "<meta http-equiv=Content-Security-Policy content=",
            ">",
            "<![if",
            "<![CDATA[",
            "<!",
            "'",
            "//a",
        ]
    )
).map("".join)


@hypothesis.settings(max_examples=150, deadline=None)
@hypothesis.given(
    st.lists(st.tuples(NAMES, ANY_TEXT | POLICY_TEXT), max_size=6), ANY_TEXT | MARKUP, st.lists(ANY_TEXT, max_size=3)
)
def test_whatever_a_server_sends_gets_a_score(headers, body, route):
    found = Page(
        hostname=HOST, headers=(("content-type", "text/html"), *headers), body=body, https_headers=tuple(headers),
        route=tuple(route) or None, cors_headers=tuple(headers),
    )  # fmt: skip
    assert 0 <= observatory.score(found).points <= 200


def test_broken_markup_and_broken_addresses_are_judged_by_what_can_be_read():
    body = '<script src="https://[broken/x.js"></script><script src="//a"></script><![foo[bar]]><script src="x">'
    assert observatory.subresource_integrity(page(body=body)) == (
        "sri-not-implemented-and-external-scripts-not-loaded-securely"
    )
    assert observatory.redirection(page(route=("http://[broken", "http://[worse"))) == "redirection-not-to-https"
