"""`penstock token`: make credentials: bearer tokens, API keys, password hashes, a certificate for trying out TLS."""

from __future__ import annotations

import datetime as dt
import hashlib
import ipaddress
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli import partner
from gateway.cli.options import ConfigOption, config_path, fail, read_config

if TYPE_CHECKING:
    from gateway.config import Config

_ABOUT = "Make credentials, or list and revoke those of partners."
app = typer.Typer(name="token", help=_ABOUT, invoke_without_command=True, rich_markup_mode=None)


@app.callback()
def token(
    context: typer.Context,
    config: ConfigOption = None,
    user: Annotated[str | None, typer.Option("--user", "-u", help="Whom the credential is for.")] = None,
    hours: Annotated[float, typer.Option(help="How long a bearer token lives.", min=0.001)] = 12.0,
    role: Annotated[list[str] | None, typer.Option(help="A role to put into the token; may be repeated.")] = None,
    claim: Annotated[list[str] | None, typer.Option(help="A further claim, name=value; may be repeated.")] = None,
    api_key: Annotated[bool, typer.Option("--api-key", help="Make an API key instead.")] = False,
    hash_password: Annotated[bool, typer.Option("--hash-password", help="Hash a password for password_file.")] = False,
    certificate: Annotated[
        Path | None, typer.Option(help="Write a self-signed certificate and key into this folder, for trying out TLS.")
    ] = None,
) -> None:
    """Print a bearer token that this gateway accepts; or make an API key, a password entry, a certificate."""
    if context.invoked_subcommand is not None:
        return
    if certificate is not None:
        _write_certificate(certificate)
        return
    if user is None:
        fail("--user is missing: whom is the credential for?", code=2)
    if hash_password:
        _print_password_entry(user)
    elif api_key:
        _print_api_key(config, user)
    else:
        print(_bearer(config, user, hours, role or [], claim or []))


app.command("list")(partner.tokens)
app.command("show")(partner.show_token)
app.command("revoke")(partner.revoke_token)


def _bearer(config: ConfigOption, user: str, hours: float, roles: list[str], claims: list[str]) -> str:
    if config is None and not config_path(None).exists():
        from gateway.demo.setup import demo_places, write_config

        write_config(demo_places())  # a token made before the demo's first start must work once it runs
    loaded = read_config(config)
    extra: dict[str, object] = {}
    for item in claims:
        name, separator, value = item.partition("=")
        if not separator:
            fail(f"--claim {item}: write name=value", code=2)
        extra[name] = value
    return mint(loaded, user, hours * 3600, roles, extra)


def mint(
    config: Config, user: str, seconds: float, roles: Sequence[str] = (), claims: Mapping[str, object] | None = None
) -> str:
    """Make a bearer token with the configuration's own secret, and let the audit know; ends the command if not."""
    from gateway.auth.bearer import issue_token

    issuer = next((issuer for issuer in config.identity.jwt if issuer.secret is not None), None)
    if issuer is None:
        fail("identity.jwt has no issuer with a `secret`: tokens come from your identity provider.", code=2)
    extra = {**({issuer.roles_claim: list(roles)} if roles else {}), **(claims or {})}
    try:
        made = issue_token(issuer, user, seconds=seconds, claims=extra)
    except ValueError as error:
        fail(str(error), code=2)
    hours = round(seconds / 3600, 4)
    told = {"what": "bearer token", "issuer": issuer.issuer, "hours": hours, "roles": list(roles)}
    _note_issue(config, user, made, {**told, "claims": sorted(extra)})
    return made


def _note_issue(config: Config, user: str, credential: str, told: dict[str, object]) -> None:
    """Have the audit keep that a credential was made, by its hash; without that none is handed out."""
    import getpass

    from gateway.audit.entries import entry, origin
    from gateway.audit.leaving import leave_note

    subject = hashlib.sha256(credential.encode()).hexdigest()
    detail = {"for": user, **told, **origin()}
    try:
        made_by = f"{getpass.getuser()}@command line"
        leave_note(
            config.data_dir / "journal", entry("token.issue", actor=made_by, user=user, subject=subject, detail=detail)
        )
    except OSError as error:
        fail(f"no credential is made without the audit's keeping it, and {config.data_dir} does not take it: {error}")


def _print_api_key(config: ConfigOption, user: str) -> None:
    from gateway.auth.secrets_files import hash_api_key, make_api_key

    key = make_api_key()
    if config_path(config).exists():  # without a gateway's configuration there is no audit, and the key opens nothing
        _note_issue(read_config(config), user, key, {"what": "API key"})
    print(f"key, shown once:             {key}")
    print(f"line for identity.api_key_file: {user}:{hash_api_key(key)}")


def _print_password_entry(user: str) -> None:
    from gateway.auth.secrets_files import hash_password

    password = _typed() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not password:
        fail("the password is empty", code=2)
    print(f"{user}:{hash_password(password)}")


def _typed() -> str:
    text: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return text


def _write_certificate(folder: Path) -> None:
    """Write server.pem and server.key for localhost, good for a year."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    addresses = [x509.IPAddress(ipaddress.ip_address(address)) for address in ("127.0.0.1", "::1")]
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), *addresses])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=365))
        .add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "server.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret = folder / "server.key"
    secret.touch(mode=0o600)
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    print(f"wrote {folder / 'server.pem'} and {secret}: self-signed, for trying out only")
