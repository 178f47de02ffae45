"""The benchmark behind docs/figures.md, with one epoch on small photos."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks import leakage_trap
from tests.helpers.asking import ask
from tests.helpers.photographed import folder_of_animals


def test_sides_are_dealt_anew_within_each_animal() -> None:
    names = list(np.repeat(["a", "b"], 30))
    table = pd.DataFrame({"image_id": [str(row) for row in range(60)], "identity": names})
    split = table.assign(split=(["train"] * 20 + ["test"] * 10) * 2)[["image_id", "split"]].sample(frac=1)
    dealt = leakage_trap.dealt_anew(table, split, seed=0)
    assert dealt["image_id"].tolist() == table["image_id"].tolist()
    assert dealt.groupby("identity")["split"].value_counts().tolist() == [20, 10, 20, 10]
    assert dealt["split"].tolist() != dealt.merge(split, on="image_id")["split_y"].tolist()
    assert dealt.equals(leakage_trap.dealt_anew(table, split, seed=0))


@pytest.mark.slow
def test_the_trap_is_set_twice_and_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def script(name: str, *options: object) -> None:
        ask(name, *map(str, options), cwd=tmp_path)

    monkeypatch.setattr(leakage_trap, "script", script)
    monkeypatch.setenv("WILDTRACK_CACHE", str(tmp_path / "cache"))
    folder_of_animals(tmp_path / "photos").to_csv(tmp_path / "photos/metadata.csv", index=False)
    results = tmp_path / "results"
    config = leakage_trap.Config(tmp_path / "photos", epochs=1, image_size=32, alpha=0.25, results=results, bursts=True)
    leakage_trap.main(config)
    said = capsys.readouterr().err
    sides = [pd.read_csv(results / f"{name}_0/artifacts/split.csv") for name in leakage_trap.SPLITS]
    counted = [split.groupby("identity")["split"].value_counts().to_dict() for split in sides]
    assert counted[0] == counted[1]
    assert "split encounter: 10 queries of 5 animals" in said and "0% of the queries with a leaky one" in said
    assert said.count("| raw pixels | ") == 2 and (results / "random_0/metrics.json").is_file()
