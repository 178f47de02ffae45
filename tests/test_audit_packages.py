"""The audit of the installed packages, with a local service instead of osv.dev."""

import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tools.audit_packages import Config, why_away
from wildtrack.errors import UserError

CLEAN: dict[str, Any] = {}


def bad(package: str) -> dict[str, Any]:
    """The answer of the service for a package with a vulnerability that version 999 fixes."""
    events = [{"introduced": "0"}, {"fixed": "999"}]
    affected = {"package": {"name": package, "ecosystem": "PyPI"}, "ranges": [{"type": "ECOSYSTEM", "events": events}]}
    return {"vulns": [{"id": "PYSEC-2099-1", "summary": "It bites.", "affected": [affected]}]}


@contextmanager
def service(answers: dict[str, dict[str, Any]], *, first: int = 200, later: int = 200) -> Iterator[str]:
    """A service that knows `answers`, and nothing bad about other packages; its address.

    `first` and `later` are the HTTP status of the first answer and of all others.
    """
    statuses = iter([first])

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            name = asked["package"]["name"]
            is_sound = name == "jinja2" and asked["version"] != "2.4.1"  # one that may well be installed here
            content = json.dumps(CLEAN if is_sound else answers.get(name, CLEAN)).encode()
            self.send_response(next(statuses, later))
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{http.server_port}/v1/query"
        http.shutdown()


def audit(address: str, *more: str) -> tuple[int, str]:
    """Run the audit as `make check` does; its exit code and output."""
    command = [sys.executable, "-m", "tools.audit_packages", "--service", address, *more]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("known", "later", "code", "words"),
    [
        (("jinja2", "numpy"), 200, 1, r"Found 1 known vulnerability in 1 package(.|\n)*numpy .* PYSEC-2099-1 999"),
        (("jinja2",), 200, 0, "No known vulnerabilities found"),
        ((), 200, 2, "Error: "),  # it does not know the vulnerable package
        (("jinja2",), 500, 1, "500 Server Error"),
    ],
)
def test_how_an_audit_ends(known: tuple[str, ...], later: int, code: int, words: str) -> None:
    with service({package: bad(package) for package in known}, later=later) as address:
        found, said = audit(address)
    assert found == code and re.search(words, said), said


def test_without_the_service_the_audit_is_skipped() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    code, said = audit(f"http://127.0.0.1:{port}/v1/query")
    assert code == 0, said
    assert said.startswith("Skipped: nobody looked for known vulnerabilities")
    assert said.strip().endswith("cannot be reached (ConnectionError).") and said.count("\n") == 1


def test_a_service_that_never_answers_is_out_of_reach() -> None:
    assert why_away(Config("https://osv.invalid/v1/query")) in {"ConnectionError", "ProxyError"}
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert why_away(Config(f"http://127.0.0.1:{silent.getsockname()[1]}/", seconds=1)) == "ReadTimeout"


@pytest.mark.parametrize("status", [502, 503, 504, 200, 403, 404, 500])
def test_a_service_that_knows_no_vulnerability_is_an_error_unless_it_is_out_of_reach(status: int) -> None:
    message = rf"\(HTTP {status}\), but knows no vulnerability of jinja2 2.4.1"
    with service({}, first=status) as address:
        if status > 500:
            assert why_away(Config(address)) == f"HTTP {status}"
        else:
            with pytest.raises(UserError, match=message):
                why_away(Config(address))
