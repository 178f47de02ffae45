"""What a user says about data that cannot be read in one way only: flags of every command that reads a catalogue."""

from dataclasses import dataclass, fields, replace
from typing import Annotated, Literal

from wildtrack.config import RARE

BoxForm = Literal["auto", "xywh", "corners", "relative", "relative-corners", "percent"]


@dataclass(frozen=True, kw_only=True)
class ReadConfig:
    """How a catalogue is read; the defaults refuse or point out what is ambiguous."""

    folders: Annotated[Literal["auto", "animals"], RARE] = "auto"  # animals: each folder is one, whatever its name
    # (CamA, 2023-05-01), and files of annotations beside them are not read
    date_format: Annotated[str, RARE] = "auto"  # of dates in numbers (5/1/2024): day-first, month-first, or a pattern
    # such as %d/%m/%Y
    box_form: Annotated[BoxForm, RARE] = "auto"  # what bbox says: [x, y, width, height] in pixels, corners
    # [x1, y1, x2, y2], the same as parts of the photo (relative), or percent

    def or_else(self, earlier: "ReadConfig") -> "ReadConfig":
        """These settings, and where they are the defaults those of an earlier reading, such as the training's."""
        return replace(
            earlier,
            **{field.name: value for field in fields(self) if (value := getattr(self, field.name)) != field.default},
        )


DEFAULTS = ReadConfig()
