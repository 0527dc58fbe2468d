"""Compare what one script of a client got from two servers, question by question."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import Any

import requests

Answers = dict[str, Any]


PLACES = "the place is that of the whole expression or statement, not of its operator or value"
_FREE = (
    (re.compile(r"#?\d{8}_\d{6}_\d{5}_\w+"), "ID"),
    (re.compile(r"127\.0\.0\.1:\d+"), "SERVER"),
    (re.compile(r"\.? Expecting: .*"), ""),
)
"""What may differ in a text: ids, ports, and the list of words that a syntax error suggests."""


def run_script(command: Sequence[str | Path], folder: Path, seconds: float = 480) -> Answers:
    """Run a client's script and return its answers; each line is {"question": ..., "answer": ...}."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=seconds, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    answers = {line["question"]: plain(line["answer"]) for line in lines}
    assert len(answers) == len(lines), "a question was asked twice"
    return answers


def check_cancelled(port: int, seconds: float = 30) -> None:
    """Wait until the server lists no cross join, which all scripts cancel, among what still runs."""
    until = time.monotonic() + seconds
    while True:
        answer = requests.get(f"http://127.0.0.1:{port}/v1/query", headers={"X-Trino-User": "admin1"}, timeout=30)
        found = [each for each in answer.json() if "CROSS JOIN" in each["query"]]
        assert found, "the server does not list what it ran"
        if all(each["state"] in ("FINISHED", "FAILED") for each in found):
            return
        assert time.monotonic() < until, found
        time.sleep(0.2)


def plain(answer: Any) -> Any:
    """Leave out of an answer what differs from run to run."""
    if isinstance(answer, str):
        for pattern, instead in _FREE:
            answer = pattern.sub(instead, answer)
        return answer
    if isinstance(answer, list):
        return [plain(each) for each in answer]
    if isinstance(answer, dict):
        return {name: plain(each) for name, each in answer.items()}
    return answer


def check_same(direct: Answers, through: Answers, known: Mapping[str, str], by_chance: Container[str] = ()) -> None:
    """Fail for every answer that differs, and for every known difference that is none any more.

    `known` maps a question to the reason why its answer differs; of those `by_chance` it may also be the same.
    """
    assert list(direct) == list(through), "the scripts did not ask the same questions"
    differing = {question for question in direct if direct[question] != through[question]}
    told = [
        f"{question}\n    direct:  {json.dumps(direct[question])[:1500]}\n    through: {json.dumps(through[question])[:1500]}"
        for question in direct
        if question in differing and question not in known
    ]
    assert not told, "\n".join(told)
    same = sorted(question for question in known if question not in differing and question not in by_chance)
    assert not same, f"no longer different: {same}"
