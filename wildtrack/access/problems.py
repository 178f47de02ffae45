"""Photos and rows that were left out: a count on the screen, every path and reason in a file."""

import logging
from pathlib import Path

import pandas as pd

from wildtrack.errors import UserError
from wildtrack.storage.files import write_csv

log = logging.getLogger(__name__)


def report_problems(path: Path, *tables: pd.DataFrame) -> None:
    """Write the problems (columns path, reason) of all tables to one CSV, even if there are none; log how many."""
    problems = pd.concat(tables, ignore_index=True)[["path", "reason"]]
    write_csv(path, problems)
    if len(problems):
        text = "Problems with photos or rows: %d, all listed in %s; the first: %s: %s"
        log.warning(text, len(problems), path, *problems.iloc[0])


def gone_bad(path: str, reason: object) -> UserError:
    """The error for a photo that was there or even read before, and now cannot be read."""
    return UserError(f"{path} could be read a moment ago and now cannot: {reason}; run this again")
