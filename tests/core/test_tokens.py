"""Access tokens: what we sign we read, and nothing else is believed."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from primepos.core.clock import FrozenClock
from primepos.core.errors import BadConfiguration, ErrorKind, Unauthenticated
from primepos.core.settings import Secret, Settings, load_settings
from primepos.core.tokens import (
    TOKEN_MAX_LENGTH,
    AccessGrant,
    TokenExpired,
    TokenInvalid,
    TokenKind,
    issue_access,
    read_access,
)

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
KEY = "the-key-of-these-tests-the-key-of-these-tests"
OTHER_KEY = "another-key-of-these-tests-another-key-of-these-tests"
GRANT = AccessGrant(user_id=UUID(int=1), tenant_id=UUID(int=2), session_id=UUID(int=3), role="cashier")


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> Settings:
    data = tmp_path_factory.mktemp("tokens")
    return load_settings({"PRIMEPOS_ENV": "test", "PRIMEPOS_DATA_DIR": str(data), "JWT_SECRET_KEY": KEY})


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(NOW)


def payload(**changes: object) -> dict[str, object]:
    """The claims of a good token; ``...`` leaves one out."""
    now = int(NOW.timestamp())
    claims: dict[str, object] = {
        "iss": "primepos", "aud": "primepos", "sub": str(UUID(int=1)), "tenant": str(UUID(int=2)),
        "sid": str(UUID(int=3)), "role": "cashier", "typ": "access", "jti": str(UUID(int=4)),
        "iat": now, "nbf": now, "exp": now + 3600,
    }  # fmt: skip
    return {name: value for name, value in {**claims, **changes}.items() if value is not ...}


def part(data: object) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(claims: object, key: str | bytes = KEY, digest: str = "sha256", **header: object) -> str:
    """A token put together by hand, so that no library refuses to make a bad one."""
    head = {name: value for name, value in {"alg": "HS256", "typ": "JWT", **header}.items() if value is not ...}
    text = f"{part(head)}.{part(claims)}"
    raw = key.encode() if isinstance(key, str) else key
    return f"{text}.{part(hmac.new(raw, text.encode(), digest).digest())}"


def refused(token: str, settings: Settings, clock: FrozenClock) -> None:
    with pytest.raises(Unauthenticated) as error:
        read_access(token, settings, clock)
    assert type(error.value) is TokenInvalid
    assert error.value.code == "TOKEN_INVALID"
    assert error.value.message == "The access token is not valid"
    assert error.value.data == {}


# --- round trip ------------------------------------------------------------------------------------------------------


def test_what_is_issued_is_read_back(settings, clock):
    claims = read_access(issue_access(GRANT, settings, clock), settings, clock)
    assert (claims.user_id, claims.tenant_id, claims.session_id) == (UUID(int=1), UUID(int=2), UUID(int=3))
    assert (claims.role, claims.kind, claims.register_id) == ("cashier", TokenKind.ACCESS, None)
    assert (claims.issued_at, claims.expires_at) == (NOW, NOW + timedelta(seconds=3600))
    assert claims.token_id.version == 7


def test_a_tills_token_names_its_register(settings, clock):
    grant = dataclasses.replace(GRANT, kind=TokenKind.DEVICE, register_id=UUID(int=9))
    claims = read_access(issue_access(grant, settings, clock), settings, clock)
    assert (claims.kind, claims.register_id) == (TokenKind.DEVICE, UUID(int=9))


def test_no_two_tokens_have_one_id(settings, clock):
    tokens = [read_access(issue_access(GRANT, settings, clock), settings, clock) for _ in range(50)]
    assert len({claims.token_id for claims in tokens}) == 50


def test_a_token_is_a_plain_jwt_that_others_can_read(settings, clock):
    token = issue_access(GRANT, settings, clock)
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT"}
    claims = jwt.decode(
        token, KEY, algorithms=["HS256"], audience="primepos", issuer="primepos",
        options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
    )  # fmt: skip
    assert claims == payload(jti=claims["jti"])


def test_the_hand_made_token_of_these_tests_is_good_before_it_is_spoilt(settings, clock):
    assert read_access(signed(payload()), settings, clock).user_id == UUID(int=1)


# --- time ------------------------------------------------------------------------------------------------------------


def test_a_token_ends_at_its_second_and_says_that_it_expired(settings, clock):
    token = issue_access(GRANT, settings, clock)
    clock.advance(timedelta(seconds=3599, microseconds=999_999))
    read_access(token, settings, clock)
    clock.advance(timedelta(microseconds=1))
    with pytest.raises(TokenExpired) as error:
        read_access(token, settings, clock)
    assert error.value.code == "TOKEN_EXPIRED"
    assert error.value.kind is ErrorKind.UNAUTHENTICATED


def test_the_clock_of_the_caller_counts_and_not_the_machines(settings):
    past = FrozenClock(datetime(2001, 1, 1, tzinfo=UTC))
    assert read_access(issue_access(GRANT, settings, past), settings, past).issued_at.year == 2001


def test_clocks_of_two_servers_may_differ_by_five_seconds(settings, clock):
    token = issue_access(GRANT, settings, FrozenClock(NOW + timedelta(seconds=5)))
    read_access(token, settings, clock)
    refused(issue_access(GRANT, settings, FrozenClock(NOW + timedelta(seconds=6))), settings, clock)


def test_an_expired_token_of_somebody_else_is_invalid_not_expired(settings, clock):
    refused(signed(payload(exp=1, iat=0, nbf=0), key=OTHER_KEY), settings, clock)
    refused(signed(payload(exp=1, iat=0, nbf=0, aud="x")), settings, clock)


# --- keys ------------------------------------------------------------------------------------------------------------


def test_a_rotated_key_still_verifies_and_no_longer_signs(settings, clock):
    old = issue_access(GRANT, settings, clock)
    rotated = dataclasses.replace(
        settings, jwt_secret_key=Secret(OTHER_KEY), jwt_secret_key_fallbacks=(Secret("x" * 40), Secret(KEY))
    )
    assert read_access(old, rotated, clock).user_id == UUID(int=1)
    refused(issue_access(GRANT, rotated, clock), settings, clock)
    refused(old, dataclasses.replace(rotated, jwt_secret_key_fallbacks=()), clock)


@pytest.mark.parametrize("weak", ["", "short", "x" * 31])
def test_a_blank_or_weak_key_neither_signs_nor_reads(settings, clock, weak):
    blank = dataclasses.replace(settings, jwt_secret_key=Secret(weak))
    with pytest.raises(BadConfiguration, match="needs 32"):
        issue_access(GRANT, blank, clock)
    with pytest.raises(BadConfiguration, match="needs 32"):
        read_access(signed(payload(), key=weak), blank, clock)


@pytest.mark.parametrize("key", ["", "secret", "primepos", "password", "x" * 32, KEY.upper(), KEY + "\n", KEY[:32]])
def test_a_token_of_another_key_is_refused(settings, clock, key):
    refused(signed(payload(), key=key), settings, clock)


# --- attacks on the header and the signature -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "alg", ["none", "None", "NONE", "nOnE", "", None, "hs256", "HS384", "HS512", ["HS256"], 0, ...]
)
@pytest.mark.parametrize("signature", [True, False])
def test_no_other_algorithm_is_accepted_signed_or_not(settings, clock, alg, signature):
    token = signed(payload(), alg=alg)
    refused(token if signature else token.rpartition(".")[0] + ".", settings, clock)


@pytest.mark.parametrize(("alg", "digest"), [("HS384", "sha384"), ("HS512", "sha512")])
def test_stronger_hashes_are_other_algorithms_too(settings, clock, alg, digest):
    refused(signed(payload(), alg=alg, digest=digest), settings, clock)


def test_a_public_key_is_no_shared_secret(settings, clock):
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    refused(jwt.encode(payload(), pem, algorithm="RS256"), settings, clock)
    refused(signed(payload(), key=public), settings, clock)
    refused(signed(payload(), key=public, alg="RS256"), settings, clock)


def test_an_es256_signature_of_zeros_is_refused(settings, clock):
    text = f"{part({'alg': 'ES256', 'typ': 'JWT'})}.{part(payload())}"
    refused(f"{text}.{part(bytes(64))}", settings, clock)
    genuine = jwt.encode(payload(), ec.generate_private_key(ec.SECP256R1()), algorithm="ES256")
    refused(genuine, settings, clock)


@pytest.mark.parametrize("tail", ["", ".", ".AA", "." + "A" * 43, "." + "A" * 1000])
def test_a_stripped_or_invented_signature_is_refused(settings, clock, tail):
    refused(signed(payload()).rpartition(".")[0] + tail, settings, clock)


def test_another_payload_under_a_genuine_signature_is_refused(settings, clock):
    head, _, signature = signed(payload()).split(".")
    refused(f"{head}.{part(payload(role='owner'))}.{signature}", settings, clock)
    refused(f"{head}.{part(payload(tenant=str(uuid4())))}.{signature}", settings, clock)


@pytest.mark.parametrize("place", range(3))
def test_every_flipped_character_is_noticed(settings, clock, place):
    parts = signed(payload()).split(".")
    for index in range(0, len(parts[place]) - 1, 7):
        changed = "A" if parts[place][index] != "A" else "B"
        spoilt = parts[place][:index] + changed + parts[place][index + 1 :]
        refused(".".join([*parts[:place], spoilt, *parts[place + 1 :]]), settings, clock)


@pytest.mark.parametrize(
    "header",
    [
        {"kid": "../../../../dev/null"}, {"kid": "' UNION SELECT 'key' --"}, {"kid": "1"}, {"kid": None},
        {"jku": "https://evil.test/keys.json"}, {"x5u": "https://evil.test/cert.pem"}, {"x5c": ["AAAA"]},
        {"jwk": {"kty": "oct", "k": "AAAA"}}, {"crit": ["exp"]}, {"crit": ["b64"], "b64": False}, {"crit": []},
        {"b64": False}, {"zip": "DEF"}, {"cty": "JWT"}, {"typ": "at+jwt"}, {"typ": "jwt"}, {"typ": ...},
        {"enc": "A128"},
    ],
)  # fmt: skip
def test_a_header_with_anything_but_alg_and_typ_is_refused_though_well_signed(settings, clock, header):
    refused(signed(payload(), **header), settings, clock)
    refused(signed(payload(), key="", **header), settings, clock)


# --- attacks on the claims -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(payload()))
def test_every_claim_must_be_there(settings, clock, name):
    refused(signed(payload(**{name: ...})), settings, clock)


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": str(int(NOW.timestamp()) + 3600)}, {"exp": int(NOW.timestamp()) + 3600.5}, {"exp": None}, {"exp": True},
        {"nbf": True}, {"iat": True},
        {"exp": [1]}, {"exp": int(NOW.timestamp())  - 1, "iat": int(NOW.timestamp())}, {"exp": 10**30}, {"exp": -1},
        {"exp": 10**400}, {"iat": str(int(NOW.timestamp()))}, {"iat": None}, {"nbf": "now"}, {"nbf": 1.0},
        {"nbf": int(NOW.timestamp()) + 60}, {"iat": int(NOW.timestamp()) + 60}, {"iat": -(10**30)},
        {"aud": "other"}, {"aud": ["primepos", "other"]}, {"aud": ["primepos"]}, {"aud": None}, {"aud": ""},
        {"iss": "other"}, {"iss": ["primepos"]}, {"iss": None}, {"iss": "PRIMEPOS"},
        {"sub": 1}, {"sub": "1"}, {"sub": "' OR 1=1 --"}, {"sub": None}, {"sub": str(UUID(int=10)).replace("-", "")},
        {"sub": "{" + str(UUID(int=1)) + "}"}, {"sub": "urn:uuid:" + str(UUID(int=1))},
        {"tenant": "corner"}, {"tenant": 1}, {"tenant": None}, {"tenant": str(UUID(int=0xABC)).upper()},
        {"sid": ""}, {"sid": None}, {"jti": "x"}, {"jti": 7}, {"role": ""}, {"role": None}, {"role": ["owner"]},
        {"role": "x" * 65}, {"typ": "refresh"}, {"typ": None}, {"typ": ["access"]}, {"typ": "ACCESS"},
        {"register": "1"}, {"register": 5}, {"admin": True}, {"scope": "*"},
    ],
)  # fmt: skip
def test_a_claim_of_the_wrong_kind_is_refused_though_well_signed(settings, clock, changes):
    refused(signed(payload(**changes)), settings, clock)


@pytest.mark.parametrize("claims", [[], "text", 1, None, [payload()], b"", b"\xff\xfe", b"{", b"[" * 3000])
def test_a_payload_that_is_no_object_is_refused(settings, clock, claims):
    refused(signed(claims), settings, clock)


# --- shape -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "token",
    ["", ".", "..", "...", "a.b.c", "Bearer x", " ", "\x00", "é.é.é", "null", "{}", "eyJ", "e30.e30.e30", "\ud800.a.b"],
)
def test_what_is_no_token_is_refused(settings, clock, token):
    refused(token, settings, clock)


def test_whitespace_around_a_good_token_is_refused(settings, clock):
    good = signed(payload())
    for token in (f" {good}", f"{good}\n", good.replace(".", " . "), f"{good}.{good}", f"{good}="):
        refused(token, settings, clock)


def test_a_token_above_4_kb_is_not_even_looked_at(settings, clock, monkeypatch):
    def explode(*arguments: object, **options: object) -> None:
        raise AssertionError("looked at")

    big = signed(payload(role="x" * 100_000))
    assert len(big) > 100_000
    monkeypatch.setattr(jwt, "decode", explode)
    monkeypatch.setattr(hashlib, "sha256", explode)
    refused(big, settings, clock)
    refused("a" * (TOKEN_MAX_LENGTH + 1), settings, clock)


@given(
    token=st.text(max_size=300)
    | st.lists(st.binary(max_size=60), min_size=3, max_size=3).map(lambda p: ".".join(map(part, p)))
)
def test_no_text_makes_reading_fail_otherwise(settings, token):
    with pytest.raises(TokenInvalid):
        read_access(token, settings, FrozenClock(NOW))


def test_a_token_shows_no_secret(settings, clock):
    head, body, _ = issue_access(GRANT, settings, clock).split(".")
    plain = base64.urlsafe_b64decode(head + "==") + base64.urlsafe_b64decode(body + "==")
    assert KEY.encode() not in plain
