import pytest
from matplotlib.figure import Figure

from wildtrack.visualization import style


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> dict[str, Figure]:
    """The figures that a test draws, in place of files, by name."""
    drawn: dict[str, Figure] = {}
    monkeypatch.setattr(style, "save_figure", lambda figure, path: drawn.update({path.name: figure}))
    return drawn
