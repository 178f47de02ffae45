"""Fail where an installed package has a known vulnerability; skip, and say so, where nobody can be asked.

python -m tools.audit_packages

pip-audit asks https://osv.dev about each package of this environment. What it finds it prints, and ends with 1.
It cannot tell by itself that the service is out of reach: it ends with 1 as well, or, with its default service behind
a mirror of PyPI, finds nothing and ends with 0. So the service is asked first about a package that is known to be bad.
"""

import runpy
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import requests

from wildtrack.console import console, run
from wildtrack.errors import UserError

KNOWN_TO_BE_BAD = {"package": {"name": "jinja2", "ecosystem": "PyPI"}, "version": "2.4.1"}
AWAY = {502, 503, 504}  # a gateway says that the service is not there
IGNORED: Mapping[str, str] = {}  # id of a vulnerability -> why it does no harm here


@dataclass(frozen=True)
class Config:
    """Change a value here, or on the command line."""

    service: str = "https://api.osv.dev/v1/query"
    seconds: int = 5  # to wait for an answer


def main(config: Config) -> None:
    """Ask whether the service is there; if so, become pip-audit."""
    if away := why_away(config):
        message = (
            f"Skipped: nobody looked for known vulnerabilities, because {config.service} cannot be reached ({away})."
        )
        console.print(message, style="yellow")
        return
    sys.argv = ["pip-audit", "--vulnerability-service", "osv", "--osv-url", config.service]
    sys.argv += ["--timeout", str(config.seconds), "--progress-spinner", "off"]
    sys.argv += [part for name in IGNORED for part in ("--ignore-vuln", name)]
    runpy.run_module("pip_audit", run_name="__main__")


def why_away(config: Config) -> str | None:
    """Why the service cannot be reached; None when it is there.

    Raises:
        UserError: Something is there, but it does not know what the service must know.
    """
    try:
        answer = requests.post(config.service, json=KNOWN_TO_BE_BAD, timeout=config.seconds)
    except requests.exceptions.SSLError as error:  # which is a ConnectionError, too
        raise UserError(f"{config.service} does not prove who it is, and was not asked: {error}") from error
    except (requests.ConnectionError, requests.Timeout) as error:
        return type(error).__name__
    if answer.status_code in AWAY:
        return f"HTTP {answer.status_code}"
    try:
        known = answer.ok and answer.json().get("vulns")
    except (requests.JSONDecodeError, AttributeError):
        known = None
    if not known:
        raise UserError(
            f"{config.service} answered (HTTP {answer.status_code}), but knows no vulnerability of jinja2 2.4.1, "
            "which has some; nothing it says can be believed"
        )
    return None


if __name__ == "__main__":
    run(main, Config(), __doc__)
