"""`make bench-console`: what each page of the console takes with 10,000 stored policies and 1,000 partners.

One gateway stands over a small lake, with SQLite as its store. Every page is opened a few times, at places all over the
lists; what counts is the processor time that the gateway's process took for it, which a busy machine does not change
much, and how many bytes were sent. The last line is for machines.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import random
import re
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from loadtests.api import ROLES, share, written
from loadtests.replicas import POLICIES, Admin, one_gateway, small_lake

VERSIONS, EDITS = 22, 2_000
CHANGESETS = "/api/v1/changesets"


@dataclass(frozen=True, slots=True)
class Crowded:
    """A gateway with much to show."""

    admin: int
    """The port of its console and admin API."""
    folder: Path
    """Stands in the command of its process."""
    policies: int
    partners: int
    whole: str
    """The changeset that put all policies at once, by its id."""
    draft: str
    """A draft of many edits."""


@dataclass(frozen=True, slots=True)
class Opened:
    """What one opening of a page took."""

    milliseconds: float
    """Of the processor, in the gateway's process."""
    size: int
    """Of the page, in bytes."""


def main() -> None:
    """Measure and print; the last line is for machines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--policies", type=int, default=10_000)
    parser.add_argument("--partners", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=10, help="how often each page is opened")
    options = parser.parse_args()
    with crowded(options.policies, options.partners) as gateway:
        found = opened(gateway, options.rounds)
    for name, its in sorted(found.items(), key=lambda each: -middle(each[1])):
        print(f"{name}: {middle(its):.0f} ms, {max(each.size for each in its) / 1000:.0f} kB", flush=True)
    print(f"{figures(found)} policies={options.policies} partners={options.partners}", flush=True)


def figures(found: Mapping[str, Sequence[Opened]]) -> str:
    """Return the figures of all openings."""
    every = [each for its in found.values() for each in its]
    cuts = statistics.quantiles([each.milliseconds for each in every], n=20, method="inclusive")
    size = max(each.size for each in every)
    return f"page_p50_cpu_ms={cuts[9]:.0f} page_p95_cpu_ms={cuts[18]:.0f} page_max_kb={size / 1000:.0f} n={len(every)}"


def middle(its: Sequence[Opened]) -> float:
    """Return the middle of the processor time of openings, in milliseconds."""
    return statistics.median(each.milliseconds for each in its)


@contextmanager
def crowded(policies: int, partners: int) -> Iterator[Crowded]:
    """Run a gateway with so many policies in one stored document of many versions, and so many partners."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = f"sqlite:///{folder / 'store.db'}"
        with ThreadPoolExecutor(1) as beside:  # a browser's driver may keep a loop in this thread
            beside.submit(lambda: asyncio.run(share(url, partners))).result()
        content = yaml.load(written(policies), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        keep = {"version": 1, **{name: content[name] for name in ("grants", "row_filters", "column_masks")}}
        roles = "".join(f", r{n}: " for n in range(ROLES))
        base = POLICIES.replace("partner: }", f"partner: {roles}}}").replace("id: all,", "id: everything,")
        _, admin = stack.enter_context(one_gateway(folder / "gateway", url, small_lake(folder / "lake"), base))
        steward = stack.enter_context(closing(Admin(admin)))
        whole = _live(steward, "All policies", [{"op": "put_document", "document": "governed", "content": keep}])
        for number in range(VERSIONS):
            entry = {**keep["row_filters"][7], "filter": f"desk = 'desk {number}'"}
            _live(steward, f"One filter, {number}", [{"op": "put", "section": "row_filters", "entry": entry}])
        edits = [
            {"op": "put", "section": "row_filters", "entry": {**each, "filter": "desk = 'none'"}}
            for each in keep["row_filters"][:EDITS]
        ]
        draft = steward.call("POST", CHANGESETS, {"title": "Many filters", "edits": edits})["id"]
        yield Crowded(admin, folder, policies, partners, whole, draft)


def _live(steward: Admin, title: str, edits: list[dict[str, Any]]) -> str:
    made = steward.call("POST", CHANGESETS, {"title": title, "edits": edits})
    steward.call("POST", f"{CHANGESETS}/{made['id']}/promote", etag='"1"')
    return str(made["id"])


def opened(gateway: Crowded, rounds: int) -> Mapping[str, Sequence[Opened]]:
    """Return what every page took, opened so often; the first openings, which make what later ones find, count too."""
    chance = random.Random(5)
    found: defaultdict[str, list[Opened]] = defaultdict(list)
    following: dict[str, str] = {}
    with closing(Browser(gateway)) as reader:
        for _ in range(rounds):
            for name, path in _pages(gateway, chance):
                page, took = reader.open(following.pop(name, path))
                found[name].append(took)
                more = re.search(r'<p class="pager"><a href="([^"]*)">More', page)
                if more is not None:
                    following[name] = more[1].replace("&amp;", "&")
    return found


def _pages(gateway: Crowded, chance: random.Random) -> Iterator[tuple[str, str]]:
    """Yield one opening of every page; lists go on where the last opening ended."""
    rule, partner = chance.randrange(gateway.policies // 4), chance.randrange(gateway.partners)
    table, role = f"lake.s{rule % 100}.t{rule}", f"r{rule % ROLES}"
    yield from (
        ("overview", "/ui"),
        ("policies", "/ui/policies"),
        ("policies of a kind", "/ui/policies?kind=column_masks"),
        ("policies of a table", f"/ui/policies?table={table}"),
        ("policies of a role", f"/ui/policies?principal=role:{role}"),
        ("a policy", f"/ui/policies/row_filters/f{rule}"),
        ("a policy that changed often", "/ui/policies/row_filters/f7"),
        ("documents", "/ui/documents"),
        ("versions", "/ui/documents/governed"),
        ("the first version", "/ui/documents/governed/versions/1"),
        ("a version", f"/ui/documents/governed/versions/{chance.randrange(2, VERSIONS)}"),
        ("changesets", "/ui/changesets"),
        ("the changeset of all policies", f"/ui/changesets/{gateway.whole}"),
        ("a draft of many edits", f"/ui/changesets/{gateway.draft}"),
        ("a step", f"/ui/changesets/{gateway.draft}/promote"),
        ("comparisons", f"/ui/changesets/{gateway.draft}/diff"),
        ("shadow", f"/ui/changesets/{gateway.draft}/shadow"),
        ("lint", "/ui/lint"),
        ("lint of a draft", f"/ui/lint?changeset={gateway.draft}"),
        ("simulate", "/ui/simulate"),
        ("budgets", "/ui/budgets"),
        ("partners", "/ui/partners"),
        ("a partner", f"/ui/partners/partner-{partner:05}"),
        ("audit", "/ui/audit"),
    )


class Browser:
    """Opens pages as a steward, by his token, and looks at what they take of the processor."""

    def __init__(self, gateway: Crowded) -> None:
        """Connect when first asked."""
        self._connection = http.client.HTTPConnection("127.0.0.1", gateway.admin, timeout=120)
        self._headers = Admin(gateway.admin).headers
        self._process = _process_of(gateway.folder)

    def open(self, path: str) -> tuple[str, Opened]:
        """Return a page, and what it took. Ends the run for one that is not shown."""
        before = self._seconds()
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        page = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status} {page[:500].decode()}")
        return page.decode(), Opened((self._seconds() - before) * 1000, len(page))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _seconds(self) -> float:
        """Return what all threads of the process took so far: the system keeps a clock for each process."""
        return time.clock_gettime((~self._process << 3) | 2)


def _process_of(folder: Path) -> int:
    """Return the id of the gateway's process."""
    for each in Path("/proc").iterdir():
        if each.name.isdigit():
            command = (each / "cmdline").read_bytes().split(b"\0")
            mine = any(str(folder).encode() in word for word in command)
            if mine and command[1:4] == [b"-m", b"gateway.cli", b"serve"]:  # not what watches over it
                return int(each.name)
    raise SystemExit("the gateway's process is not found")


if __name__ == "__main__":
    main()
