"""What a user says about data that cannot be read in one way only: flags of every command that reads a catalogue."""

from dataclasses import dataclass, fields, replace
from typing import Literal


@dataclass(frozen=True)
class ReadConfig:
    """How a catalogue is read; the defaults refuse or point out what is ambiguous."""

    folders: Literal["auto", "animals"] = "auto"  # animals: each folder is one, whatever its name (CamA, results)

    def or_else(self, earlier: "ReadConfig") -> "ReadConfig":
        """These settings, and where they are the defaults those of an earlier reading, such as the training's."""
        return replace(
            earlier,
            **{field.name: value for field in fields(self) if (value := getattr(self, field.name)) != field.default},
        )


DEFAULTS = ReadConfig()
