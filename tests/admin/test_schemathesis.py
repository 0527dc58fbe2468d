"""The admin API answers as its description says: whatever is sent, right or wrong, alone or one after the other."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.admin.api_client import Api, governed_gateway, token_of
from tests.operations.gateway_process import Gateway, running

CONFIG = Path(__file__).with_name("schemathesis.toml")
ALL_PHASES = ("examples", "coverage", "fuzzing", "stateful")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Run a gateway that nobody else uses: what is found by trying changes it."""
    with running(governed_gateway(tmp_path_factory.mktemp("schemathesis"))) as found:
        yield found


def schemathesis(gateway: Gateway, folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run all checks of Schemathesis as who may do everything."""
    url = f"http://127.0.0.1:{gateway.config['admin']['port']}/openapi.json"
    command = [Path(sys.executable).with_name("schemathesis"), f"--config-file={CONFIG}", "run", url]
    command += ["--header", f"Authorization: Bearer {token_of('root')}", "--checks=all", "--continue-on-failure"]
    command += ["--mode=all", "--warnings=off", "--no-shrink", *options]
    environment = {**os.environ, "PYTHONWARNINGS": "", "NO_COLOR": "1"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=1500, check=False
    )


def test_examples_and_a_few_of_everything_find_nothing(own: Gateway, tmp_path: Path) -> None:
    options = ("--max-time=14", "--max-examples=2", "--phases=examples,coverage,fuzzing", "--seed=7")
    found = schemathesis(own, tmp_path, *options)
    assert found.returncode == 0, found.stdout[-20_000:] + found.stderr[-2_000:]


@pytest.mark.long
@pytest.mark.timeout(1600)
@pytest.mark.parametrize("phase", ALL_PHASES)
def test_nothing_is_found_at_length(own: Gateway, tmp_path: Path, phase: str) -> None:
    options = ("--max-time=240", "--max-examples=60", f"--phases={phase}")
    found = schemathesis(own, tmp_path, *options)
    assert found.returncode == 0, found.stdout[-40_000:] + found.stderr[-2_000:]


def reported(output: str) -> set[tuple[int, str]]:
    """Return what a run reported, as statuses and the outermost fields that the answers name."""
    found = set()
    for status, rest in re.findall(r"^\[(\d{3})\][^\n]*\n\s*\n?\s*`(.*)", output, re.MULTILINE):
        fields = re.findall(r'"field":"([^"]*)"', rest) or [""]
        found |= {(int(status), field.split(".")[0]) for field in fields}
    return found


def listed() -> set[tuple[int, str]]:
    """Return what docs/api.md says that no schema can say."""
    page = (Path(__file__).parents[2] / "docs" / "api.md").read_text("utf-8")
    part = page.partition("### What no schema can say")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\d{3}) \| ([^|]*) \|", part, re.MULTILINE)
    return {(int(status), field) for status, fields in rows for field in re.findall(r"`([^`]+)`", fields)}


@pytest.mark.long
@pytest.mark.timeout(900)
def test_stock_settings_report_what_no_schema_can_say_and_nothing_else(own: Gateway, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{own.config['admin']['port']}/openapi.json"
    command = [Path(sys.executable).with_name("schemathesis"), "run", url, "--continue-on-failure", "--max-time=240"]
    command += ["--header", f"Authorization: Bearer {token_of('root')}", "--max-examples=30"]
    environment = {**os.environ, "PYTHONWARNINGS": "", "NO_COLOR": "1", "COLUMNS": "100000"}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=800, check=False
    )
    headings = set(re.findall(r"^- (?:ST\d+ )?(.*)$", done.stdout.partition("= FAILURES =")[2], re.MULTILINE))
    unquoted = {(422, "If-Match")}  # it takes the quotes off an optional header, which its pattern wants
    assert reported(done.stdout) - unquoted <= listed(), done.stdout[-20_000:]
    assert {each for each in headings if not each.startswith("Schema-valid request rejected")} <= set(), headings


def sent(gateway: Gateway, method: str, path: str, **options: object) -> httpx.Response:
    with Api(gateway) as api:
        return api.request(method, path, **options)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PATCH", "/api/v1/me", "GET"),
        ("OPTIONS", "/partners/", "GET, POST"),
        ("GET", "/api/v1/policies/lint", "POST"),
        ("TRACE", "/api/v1/changesets/7f0bd2a1-0b6c-4a36-8a8b-0f6f7ab8a0a1", "GET, PUT"),
    ],
)
def test_another_method_is_told_all_that_the_path_takes(
    governed: Gateway, method: str, path: str, allowed: str
) -> None:
    found = sent(governed, method, path)
    assert (found.status_code, found.headers["allow"]) == (405, allowed)
    assert found.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    ("query", "field", "reason"),
    [
        ("limit=5&lmit=5", "lmit", "there is no such parameter"),
        ("limit=1&limit=2", "limit", "it is given 2 times"),
        ("after=a%00b", "after", "it holds a NUL byte"),
        ("limit=99999999999999999999999999999999999999", "limit", "less than or equal to 1000"),
        ("limit=0", "limit", "greater than or equal to 1"),
        ("limit=1e2", "limit", "valid integer"),
    ],
)
def test_a_query_that_the_description_does_not_know_is_refused(
    governed: Gateway, query: str, field: str, reason: str
) -> None:
    found = sent(governed, "GET", f"/api/v1/policies?{query}")
    assert found.status_code == 422
    (fault,) = found.json()["errors"]
    assert fault["field"] == field
    assert reason in fault["reason"]


LINT = "/api/v1/policies/lint"
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("content", "headers", "status", "field"),
    [
        (b"{}", {"Content-Type": "text/plain"}, 415, "Content-Type"),
        (b"{}", {}, 415, "Content-Type"),
        (b"\xff\xfe{}", JSON, 422, "body"),
        (b'{"a": "\\u0000"}', JSON, 422, "a"),
        (b'{"a": [{"b": "\\ud800"}]}', JSON, 422, "a.0.b"),
        (b'{"changeset": null', JSON, 422, "18"),
        (b"[" * 100_000, JSON, 422, None),
        (b"", JSON, 422, "body"),
    ],
    ids=["text", "no type", "no UTF-8", "NUL", "half a character", "half a document", "deep", "nothing"],
)
def test_a_body_that_cannot_be_read_is_refused_by_its_place(
    governed: Gateway, content: bytes, headers: dict[str, str], status: int, field: str | None
) -> None:
    found = sent(governed, "POST", LINT, content=content, headers=headers)
    assert found.status_code == status, found.text
    assert found.headers["content-type"] == "application/problem+json"
    if field is not None:
        assert found.json()["errors"][0]["field"] == field


def test_a_body_over_the_limit_is_refused_before_it_is_read_whole(governed: Gateway) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(20):
            yield b" " * (1 << 20)

    assert sent(governed, "POST", LINT, content=b" " * (9 << 20), headers=JSON).status_code == 413
    found = sent(governed, "POST", LINT, content=endless(), headers=JSON)
    assert (found.status_code, found.json()["code"]) == (413, "too_large")


def test_true_is_not_written_as_a_number(governed: Gateway) -> None:
    asked = {"whole": 0}
    for step in ("build", "check"):
        found = sent(governed, "POST", f"/api/v1/views/lake.trading.v/{step}", json=asked)
        assert (found.status_code, found.json()["errors"][0]["field"]) == (422, "whole")


def test_a_state_that_cannot_be_kept_is_named_with_its_reason(governed: Gateway) -> None:
    states = [
        {"column": "a", "function": "uniq", "arguments": ["id"]},
        {"column": "b", "function": "argMax", "arguments": ["id"]},
    ]
    found = sent(
        governed,
        "POST",
        "/api/v1/views/lake.trading.v/check",
        json={"definition": {"sql": "SELECT 1", "states": states}},
    )
    assert (found.status_code, found.json()["errors"]) == (
        422,
        [{"field": "definition.states.1", "reason": "states of argMax have 2 arguments", "fix": ""}],
    )


@pytest.mark.parametrize("name", ["a.b.\x85", "\xa0.b.c"])
def test_policies_of_a_table_with_a_strange_name_are_those_of_all_tables(governed: Gateway, name: str) -> None:
    found = sent(governed, "GET", "/api/v1/policies", params={"table": name})
    assert (found.status_code, {tuple(each["tables"]) for each in found.json()["items"]}) == (200, {("*",)})


def test_policies_of_a_table_that_cannot_be_are_none(governed: Gateway) -> None:
    found = sent(governed, "GET", "/api/v1/policies", params={"table": "a.b.é"})
    assert (found.status_code, found.json()) == (200, {"items": [], "next": None}), found.text


def test_a_view_whose_name_no_view_can_have_is_not_there(governed: Gateway) -> None:
    assert sent(governed, "DELETE", "/api/v1/views/a.b.%C2%85").status_code == 404


def test_the_description_says_of_every_text_that_it_holds_no_nul(governed: Gateway) -> None:
    described = sent(governed, "GET", "/openapi.json").json()
    simulated = described["paths"]["/api/v1/policies/simulate"]["post"]["requestBody"]["content"]["application/json"]
    name = simulated["schema"]["$ref"].rpartition("/")[2]
    asked = described["components"]["schemas"][name]["properties"]
    assert asked["sql"]["pattern"] == asked["attributes"]["propertyNames"]["pattern"] == r"^[^\x00]*$"
    parameters = [
        each
        for operations in described["paths"].values()
        for operation in operations.values()
        for each in operation.get("parameters", ())
        if each["schema"].get("type") == "string"
    ]
    assert all(each["schema"].keys() & {"pattern", "format", "enum"} for each in parameters)


def test_the_description_has_no_name_for_any_value_and_names_nothing_that_is_not_there(governed: Gateway) -> None:
    described = sent(governed, "GET", "/openapi.json")
    schemas = described.json()["components"]["schemas"]
    named = set(re.findall(r'"\$ref":"#/components/schemas/([^"]+)"', described.text))
    assert all(schemas.values())
    assert {"PutEntry"} <= named <= schemas.keys()
    assert schemas["PutEntry"]["properties"]["entry"] == {"description": "The entry as a policy file would have it."}


def test_a_dataset_whose_name_trino_folds_in_two_ways_is_refused_by_its_field(governed: Gateway) -> None:
    until = "2035-01-01T00:00:00Z"
    asked = {"partner_id": "acme", "dataset_name": "lake.é.t", "scope": "read_only", "expires_at": until}
    found = sent(governed, "POST", "/entitlements/", json=asked)
    assert (found.status_code, found.json()["errors"][0]["field"]) == (422, "dataset_name")


def test_health_and_the_console_are_not_held_to_the_description(governed: Gateway) -> None:
    assert sent(governed, "GET", "/readyz?verbose=1").status_code == 200
