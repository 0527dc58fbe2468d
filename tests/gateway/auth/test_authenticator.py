"""Who is believed, who is turned away, and that nothing falls back to less proof."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import bcrypt
import jwt
import pytest
import pytest_asyncio
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gateway.auth.authenticator import Authenticator
from gateway.auth.bearer import issue_token
from gateway.auth.credentials import Credentials, Forbidden, Unauthorized
from gateway.auth.secrets_files import hash_api_key, hash_password, make_api_key
from gateway.config import Config, JwtIssuer
from gateway.config.errors import ConfigError
from gateway.received import Principal
from policies.entitlements import NO_PARTNERS

SECRET = "a secret of more than thirty-two characters"
ISSUER = {"issuer": "https://id.example", "audience": "penstock", "algorithms": ["HS256"], "secret": SECRET}
BASE = {
    "data_dir": "data",
    "keys": [{"id": "a", "secret": SECRET}],
    "engines": [{"kind": "lake", "name": "lake", "uri": "sqlite:///x", "warehouse": "file:///w"}],
    "policies": ["p.yaml"],
    "store": {"url": "sqlite:///usage.db"},
}


class Directory:
    partners = NO_PARTNERS

    def roles_of(self, user: str) -> frozenset[str]:
        return frozenset({"viewer"}) if user == "ana" else frozenset()

    def attributes_of(self, user: str) -> tuple[tuple[str, str], ...]:
        return (("desk", "CAISO"),) if user == "ana" else ()

    def groups_of(self, user: str) -> frozenset[str]:
        return frozenset({"staff"}) if user == "ana" else frozenset()

    def may_impersonate(self, principal: str, user: str) -> bool:
        return principal == "superset" and user == "ana"


def authenticator(identity: dict[str, Any], **door: Any) -> Authenticator:
    config = Config.model_validate({**BASE, "identity": identity, "door": door})
    return Authenticator(config, Directory)


def shown(**parts: Any) -> Credentials:
    return Credentials(**{"user": None, "remote_address": "10.0.0.7", "secure": True, **parts})


def bearer(secret: Any = SECRET, algorithm: str | None = "HS256", headers: Any = None, **claims: Any) -> str:
    now = int(time.time())
    payload = {"sub": "ana", "iss": "https://id.example", "aud": "penstock", "iat": now, "exp": now + 60, **claims}
    payload = {key: value for key, value in payload.items() if value is not None}
    return "Bearer " + jwt.encode(payload, secret, algorithm=algorithm, headers=headers)


@pytest.mark.asyncio
async def test_a_good_token_gives_user_roles_and_attributes_from_claims_and_directory() -> None:
    token = bearer(roles=["trader"], region="WEST")
    principal = await authenticator({"jwt": [ISSUER]}).authenticate(shown(authorization=token))
    assert principal.user == principal.authenticated == "ana"
    assert principal.roles == {"viewer", "trader"}
    assert dict(principal.attributes) == {"desk": "CAISO", "region": "WEST"}
    assert principal.method == "jwt"


@pytest.mark.asyncio
async def test_groups_come_from_a_token_and_from_the_directory() -> None:
    token = bearer(groups=["risk", "/finance/desk one"], teams=["night shift"])
    principal = await authenticator({"jwt": [ISSUER]}).authenticate(shown(authorization=token))
    assert principal.groups == {"staff", "risk", "/finance/desk one"}
    assert principal.subject.groups == principal.groups
    named = await authenticator({"jwt": [{**ISSUER, "groups_claim": "teams"}]}).authenticate(shown(authorization=token))
    assert named.groups == {"staff", "night shift"}


def unsigned() -> str:
    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    now = int(time.time())
    claims = {"sub": "ana", "iss": "https://id.example", "aud": "penstock", "exp": now + 60}
    return f"Bearer {part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}."


BAD_TOKENS: dict[str, Callable[[], str]] = {
    "expired": lambda: bearer(iat=1, exp=int(time.time()) - 60),
    "without an expiry": lambda: bearer(exp=None),
    "of another audience": lambda: bearer(aud="other"),
    "of another issuer": lambda: bearer(iss="https://evil.example"),
    "signed with another key": lambda: bearer(secret="x" * 40),
    "unsigned": unsigned,
    "of an algorithm that is not pinned": lambda: bearer(algorithm="HS512", secret=SECRET * 2),
    "not yet valid": lambda: bearer(nbf=int(time.time()) + 600),
    "that lives too long": lambda: bearer(exp=int(time.time()) + 10 * 86_400),
    "without a user": lambda: bearer(sub=None),
    "whose user is not a name": lambda: bearer(sub="ana' OR '1'='1"),
    "whose claim carries SQL": lambda: bearer(region="EU' OR '1'='1"),
    "whose claim is no text": lambda: bearer(desk=["CAISO"]),
    "whose groups are no list": lambda: bearer(groups="risk"),
    "whose group is no plain word": lambda: bearer(groups=["risk' OR '1'='1"]),
    "whose roles are no list": lambda: bearer(roles={"admin": True}),
    "that is no token": lambda: "Bearer not.a.token",
    "that is empty": lambda: "Bearer ",
}


@pytest.mark.asyncio
@pytest.mark.parametrize("token", BAD_TOKENS.values(), ids=BAD_TOKENS.keys())
async def test_a_token_is_refused(token: Callable[[], str]) -> None:
    with pytest.raises(Unauthorized) as caught:
        await authenticator({"jwt": [ISSUER]}).authenticate(shown(authorization=token()))
    assert caught.value.challenges == ('Bearer realm="Penstock"',)
    assert SECRET not in caught.value.text


@pytest.mark.asyncio
async def test_a_bad_token_never_falls_back_to_the_insecure_user_header() -> None:
    door = authenticator({"jwt": [ISSUER], "insecure": True})
    with pytest.raises(Unauthorized):
        await door.authenticate(shown(user="ana", remote_address="127.0.0.1", authorization="Bearer x.y.z"))


@pytest.mark.asyncio
async def test_a_cached_token_ends_when_it_expires() -> None:
    now = [time.time()]
    config = Config.model_validate({**BASE, "identity": {"jwt": [{**ISSUER, "leeway_seconds": 0}]}})
    door = Authenticator(config, Directory, clock=lambda: now[0])
    token = bearer(exp=int(time.time()) + 1)
    await door.authenticate(shown(authorization=token))
    time.sleep(1.1)
    now[0] = time.time()
    with pytest.raises(Unauthorized):
        await door.authenticate(shown(authorization=token))


@pytest.mark.asyncio
async def test_a_public_key_issuer_accepts_its_own_signature_only(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization

    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "issuer.pem").write_bytes(pem)
    issuer = {**ISSUER, "algorithms": ["ES256"], "secret": None, "public_key": str(tmp_path / "issuer.pem")}
    door = authenticator({"jwt": [issuer]})
    assert (await door.authenticate(shown(authorization=bearer(private, "ES256")))).user == "ana"
    with pytest.raises(Unauthorized):  # the public key used as an HMAC secret, the classic confusion
        forged = base64.urlsafe_b64encode(b'{"alg":"HS256"}').rstrip(b"=").decode()
        await door.authenticate(shown(authorization=f"Bearer {forged}.{bearer(SECRET).split('.')[1]}.AAAA"))


@pytest_asyncio.fixture
async def jwks() -> AsyncIterator[tuple[str, dict[str, Any], list[int]]]:
    """A real key-set server on loopback whose keys the test can change."""
    served: dict[str, Any] = {"keys": []}
    hits: list[int] = []

    async def answer(_: web.Request) -> web.Response:
        hits.append(1)
        return web.json_response(served)

    app = web.Application()
    app.router.add_get("/jwks", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    yield f"http://127.0.0.1:{port}/jwks", served, hits
    await runner.cleanup()


@pytest.mark.asyncio
async def test_keys_of_a_key_set_are_fetched_once_and_made_up_key_ids_cost_no_request_each(
    jwks: tuple[str, dict[str, Any], list[int]],
) -> None:
    url, served, hits = jwks
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    served["keys"] = [{**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(private.public_key())), "kid": "k1"}]
    door = authenticator({"jwt": [{**ISSUER, "algorithms": ["RS256"], "secret": None, "jwks_url": url}]})
    for number in range(5):
        token = bearer(private, "RS256", {"kid": "k1"}, jti=str(number))
        assert (await door.authenticate(shown(authorization=token))).user == "ana"
    for number in range(20):
        with pytest.raises(Unauthorized):
            await door.authenticate(shown(authorization=bearer(private, "RS256", {"kid": f"made-up-{number}"})))
    assert len(hits) == 1


@pytest.mark.asyncio
@pytest.mark.parametrize("hashed", [hash_password("tea"), bcrypt.hashpw(b"tea", bcrypt.gensalt(4)).decode()])
async def test_a_password_is_checked_against_argon2_and_bcrypt(tmp_path: Path, hashed: str) -> None:
    (tmp_path / "passwords").write_text(f"# people\nana:{hashed}\n")
    door = authenticator({"password_file": str(tmp_path / "passwords")})

    async def attempt(text: str, **more: Any) -> Principal:
        return await door.authenticate(shown(authorization="Basic " + base64.b64encode(text.encode()).decode(), **more))

    assert (await attempt("ana:tea")).method == "password"
    assert (await attempt("ana:tea")).user == "ana"
    for wrong in ("ana:coffee", "bob:tea", "ana", ":tea"):
        with pytest.raises(Unauthorized):
            await attempt(wrong)
    with pytest.raises(Forbidden, match="TLS"):
        await attempt("ana:tea", secure=False)


@pytest.mark.asyncio
async def test_an_api_key_works_as_header_and_as_bearer(tmp_path: Path) -> None:
    key = make_api_key()
    (tmp_path / "keys").write_text(f"etl_bot:{hash_api_key(key)}\n")
    door = authenticator({"api_key_file": str(tmp_path / "keys")})
    assert (await door.authenticate(shown(api_key=key))).user == "etl_bot"
    assert (await door.authenticate(shown(authorization=f"Bearer {key}"))).user == "etl_bot"
    with pytest.raises(Unauthorized):
        await door.authenticate(shown(api_key=make_api_key()))


@pytest.mark.asyncio
async def test_a_certificate_header_counts_only_from_a_trusted_proxy() -> None:
    door = authenticator({"client_certificate": {}}, trusted_proxies=["10.1.0.0/16"])
    subject = "CN=ana,O=ACME"
    assert (await door.authenticate(shown(certificate_subject=subject, remote_address="10.1.2.3"))).user == "ana"
    with pytest.raises(Unauthorized):
        await door.authenticate(shown(certificate_subject=subject, remote_address="10.2.0.1"))


@pytest.mark.asyncio
async def test_basic_without_a_password_is_believed_as_the_bare_header_is_and_never_with_one() -> None:
    door = authenticator({"insecure": True})

    async def by(text: str, **more: Any) -> Principal:
        basic = "Basic " + base64.b64encode(text.encode()).decode()
        return await door.authenticate(shown(authorization=basic, **{"remote_address": "127.0.0.1", **more}))

    assert ((await by("ana:")).user, (await by("ana:", user="ana")).method) == ("ana", "insecure")
    with pytest.raises(Forbidden):
        await by("ana:", user="other")
    for text, remote in (
        ("ana:secret", "127.0.0.1"),
        ("ana:", "10.0.0.7"),
        ("ana", "127.0.0.1"),
        (":", "127.0.0.1"),
        ("", "127.0.0.1"),
    ):
        with pytest.raises(Unauthorized):
            await by(text, user="ana", remote_address=remote)
    with pytest.raises(Unauthorized):
        await authenticator({"jwt": [ISSUER]}).authenticate(
            shown(authorization="Basic YW5hOg==", remote_address="127.0.0.1")
        )


@pytest.mark.asyncio
async def test_the_bare_user_header_is_believed_on_loopback_only() -> None:
    door = authenticator({"insecure": True})
    assert (await door.authenticate(shown(user="ana", remote_address="127.0.0.1"))).method == "insecure"
    for remote in ("10.0.0.7", None, "nonsense"):
        with pytest.raises(Unauthorized):
            await door.authenticate(shown(user="ana", remote_address=remote))
    for user in (None, "", "a b", "x" * 200, "a\tb"):
        with pytest.raises(Unauthorized):
            await door.authenticate(shown(user=user, remote_address="127.0.0.1"))


@pytest.mark.asyncio
async def test_impersonation_needs_a_rule_and_claims_stay_with_their_owner() -> None:
    door = authenticator({"jwt": [ISSUER]})
    service = bearer(sub="superset", roles=["admin"], desk="SPP")
    principal = await door.authenticate(shown(user="ana", authorization=service))
    assert (principal.user, principal.authenticated) == ("ana", "superset")
    assert principal.roles == {"viewer"}
    assert dict(principal.attributes) == {"desk": "CAISO"}
    with pytest.raises(Forbidden, match="cannot impersonate user admin") as refused:
        await door.authenticate(shown(user="admin", authorization=service))
    assert refused.value.principal is not None
    assert (refused.value.principal.user, refused.value.principal.method) == ("superset", "jwt")
    with pytest.raises(Forbidden):
        await door.authenticate(shown(user="superset", authorization=bearer()))


class Chain(Directory):
    def may_impersonate(self, principal: str, user: str) -> bool:
        return (principal, user) in {("superset", "ana"), ("ana", "bob")}


@pytest.mark.asyncio
async def test_each_step_to_the_sessions_user_needs_its_rule() -> None:
    """The one who proves acts for the session's original user, and that one for the user it went on as."""
    config = Config.model_validate({**BASE, "identity": {"jwt": [ISSUER], "insecure": True}})
    checking = Authenticator(config, Chain)
    service = bearer(sub="superset", roles=["admin"])
    gone_on = await checking.authenticate(shown(authorization=service, user="bob", original="ana"))
    assert (gone_on.user, gone_on.original, gone_on.authenticated) == ("bob", "ana", "superset")
    assert gone_on.roles == frozenset()
    opened = await checking.authenticate(shown(authorization=service, user="ana"))
    assert (opened.user, opened.original, opened.roles) == ("ana", "", frozenset({"viewer"}))
    for user, original in (("bob", None), ("bob", "bob"), ("eve", "ana"), ("bob", "eve"), ("superset", "ana")):
        with pytest.raises(Forbidden):
            await checking.authenticate(shown(authorization=service, user=user, original=original))
    with pytest.raises(Forbidden) as refused:
        await checking.authenticate(shown(user="eve", original="ana", remote_address="127.0.0.1"))
    assert refused.value.text == "Access Denied: User ana cannot impersonate user eve"
    local = await checking.authenticate(shown(user="bob", original="ana", remote_address="127.0.0.1"))
    assert (local.user, local.authenticated) == ("bob", "ana")


@pytest.mark.asyncio
async def test_claims_end_where_the_session_leaves_their_owner() -> None:
    checking = authenticator({"jwt": [ISSUER]})
    token = bearer(roles=["trader"])
    mine = await checking.authenticate(shown(authorization=token, user="ana", original="ana"))
    assert mine.roles == {"viewer", "trader"}
    with pytest.raises(Forbidden):
        await checking.authenticate(shown(authorization=token, user="ana", original="bob"))


def test_issued_tokens_respect_the_longest_lifetime() -> None:
    issuer = JwtIssuer.model_validate(ISSUER)
    assert issue_token(issuer, "ana", seconds=60).count(".") == 2
    with pytest.raises(ValueError, match="longest lifetime"):
        issue_token(issuer, "ana", seconds=10 * 86_400)


@pytest.mark.parametrize(
    ("text", "fault"),
    [("ana", "must be user:hash"), ("ana:plain", "neither argon2 nor bcrypt"), ("a:$2b$x\na:$2b$x", "a second entry")],
)
def test_a_bad_password_file_is_refused_at_start(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "passwords").write_text(text)
    with pytest.raises(ConfigError, match=fault):
        authenticator({"password_file": str(tmp_path / "passwords")})
