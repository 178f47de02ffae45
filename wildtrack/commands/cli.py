"""`wildtrack NAME`: the commands of an installed package."""

import sys
from importlib import import_module

from wildtrack import __version__
from wildtrack.console import fail, run

COMMANDS = {
    "train": "train a model on photos of known animals",
    "evaluate": "measure how well the trained model tells the animals apart",
    "search": "ask who the animals on new photos are",
    "serve": "the search as a web page",
    "access": "bring a public dataset, or photos on disk, into one catalogue",
    "assess": "what is in a dataset, and what is wrong with it",
    "compare": "many methods on the same photos and questions",
}


def main() -> None:
    """Run the command that is named first; all that follows are its settings."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in ("-h", "--help"):
        commands = "\n".join(f"  {name:<9} {what}" for name, what in COMMANDS.items())
        print(f"Who is this animal?\n\n{commands}\n\nwildtrack NAME --help has the settings of each.")
    elif name == "--version":
        print(f"wildtrack {__version__}")
    elif name in COMMANDS:
        sys.argv = [f"wildtrack {name}", *sys.argv[2:]]
        module = import_module(f"wildtrack.commands.{name}")
        run(getattr(module, name), module.Config(), module.__doc__)
    else:
        sys.exit(fail(f"there is no command {name!r}; allowed are {', '.join(COMMANDS)}"))
