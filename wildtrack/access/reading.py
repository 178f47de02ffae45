"""What a user says about data that cannot be read in one way only: flags of every command that reads a catalogue."""

from dataclasses import dataclass, replace
from typing import Annotated, Literal

from wildtrack.config import RARE

BoxForm = Literal["auto", "xywh", "corners", "relative", "relative-corners", "percent"]


@dataclass(frozen=True, kw_only=True)
class ReadConfig:
    """How a catalogue is read; the defaults refuse or point out what is ambiguous."""

    folders: Annotated[Literal["auto", "animals"], RARE] = "auto"  # animals: each folder is one, whatever its name
    # (CamA, 2023-05-01), and files of annotations beside them are not read
    animals: Annotated[tuple[str, ...], RARE] = ()  # names of one animal each, though they look like nobody's (NA)
    # or are given to two species; * stands for anything
    nobody: Annotated[tuple[str, ...], RARE] = ()  # more names that stand for no animal, such as "unknown_*"
    spellings: Annotated[Literal["apart", "merge"], RARE] = "apart"  # merge: TZ-173, tz-173 and TZ 173 are one animal
    date_format: Annotated[str, RARE] = "auto"  # of dates in numbers (5/1/2024): day-first, month-first, or a pattern
    # such as %d/%m/%Y
    box_form: Annotated[BoxForm, RARE] = "auto"  # what bbox says: [x, y, width, height] in pixels, corners
    # [x1, y1, x2, y2], the same as parts of the photo (relative), or percent

    def or_else(self, earlier: "ReadConfig") -> "ReadConfig":
        """These settings, and where they are the defaults those of an earlier reading, such as the training's."""
        changed = {name: value for name, value in vars(self).items() if value != getattr(DEFAULTS, name)}
        return replace(earlier, **changed)


DEFAULTS = ReadConfig()
