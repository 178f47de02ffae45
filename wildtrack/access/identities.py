"""Which rows of a catalogue show one animal: names that are nobody's, spelt in two ways, or of two animals."""

from collections import Counter
from collections.abc import Callable, Hashable
from typing import Any

import pandas as pd

from wildtrack.access.cells import UNKNOWN
from wildtrack.access.names import fits, is_nobody, may_be_nobody, names_in, shown, species, spelling, viewpoint
from wildtrack.access.reading import ReadConfig
from wildtrack.console import counted

Lost = dict[int, str]  # row -> why its animal is not known
Words = dict[frozenset[str], str]  # species -> how it is written

KEY = "individual_uuid"  # the column of Wildbook's keys: a name may be given to two animals


def means_nobody(name: str, config: ReadConfig) -> bool:
    """Whether a name stands for no animal: by itself, or because the user says so."""
    return fits(name, config.nobody) or (is_nobody(name) and not fits(name, config.animals))


def settle_names(table: pd.DataFrame, config: ReadConfig) -> tuple[pd.DataFrame, Lost, list[str]]:
    """A valid table with one identity for each animal and one word for each viewpoint and species.

    With it come the rows whose name does not tell which animal it is, and what was made of the names, a line each.
    """
    said: list[str] = []
    table = table.copy()
    for column, key in (("orientation", viewpoint), ("species", spelling)):
        if column in table:
            table[column] = _one_word_each(table[column], column, key, said)
    names = _somebody(table["identity"], config, said)
    names = _spelt(names, table.get(KEY), config, said)
    lost: Lost = {}
    if KEY in table:
        names = _by_key(names, table[KEY], lost, said)
    if "species" in table:
        names = _by_species(names, table, config, lost, said)
    return table.assign(identity=names).drop(columns=KEY, errors="ignore").dropna(axis=1, how="all"), lost, said


def _somebody(names: "pd.Series[str]", config: ReadConfig, said: list[str]) -> "pd.Series[str]":
    """The names, "unknown" where one stands for nobody."""
    found = [name for name in names.unique() if name != UNKNOWN]
    nobody = [name for name in found if means_nobody(name, config)]
    found = [name for name in found if name not in nobody and not fits(name, config.animals)]
    perhaps = [name for name in found if may_be_nobody(name)]
    counts = names.value_counts()
    if unasked := [name for name in nobody if not fits(name, config.nobody)]:
        keep = f"if one is an animal's: --animals {quoted(unasked[0])}"
        said.append(f"names that stand for nobody, read as unknown: {_listed(unasked, counts)} ({keep})")
    if perhaps:
        advice = f"if one stands for nobody: --nobody {quoted(perhaps[0])}; if all are animals: --animals"
        names_in_full = " ".join(quoted(name) for name in perhaps[:3])
        said.append(f"names read as animals: {_listed(perhaps, counts)} ({advice} {names_in_full})")
    if several := [name for name in found if len(names_in(name)) > 1 and counts.index.isin(names_in(name)).any()]:
        advice = f"a row for each, or --nobody {quoted(several[0])}; if it is one: --animals {quoted(several[0])}"
        said.append(f"names that may be of several animals, read as one: {_listed(several, counts)} ({advice})")
    return names.where(~names.isin(nobody), UNKNOWN)


def _spelt(
    names: "pd.Series[str]", keys: "pd.Series[str] | None", config: ReadConfig, said: list[str]
) -> "pd.Series[str]":
    """The names, each in one spelling where that is asked for; else it is said which may be one animal's."""
    named = names[names != UNKNOWN]
    groups = _spellings(named, spelling)
    unkeyed = set(named if keys is None else named[keys.isna()])
    is_merged = config.spellings == "merge"
    if groups := [group for group in groups if is_merged or not unkeyed.isdisjoint(group)]:
        counts = named.value_counts()
        ways = "; ".join(_listed(group, counts) for group in groups[:3])
        more = f"; and {len(groups) - 3} more" if len(groups) > 3 else ""
        animals = counted(len(groups), "animal", "animals")
        doubt = f"perhaps {animals} spelt in several ways: {ways}{more} (if so: --spellings merge)"
        said.append(f"names read as one, for {animals}: {ways}{more}" if is_merged else doubt)
    return names.replace({name: group[0] for group in groups for name in group}) if is_merged else names


def _one_word_each(
    words: "pd.Series[str]", column: str, key: Callable[[str], Hashable], said: list[str]
) -> "pd.Series[str]":
    """The words of a column, each in its most frequent spelling, empty where they stand for nothing."""
    words = words.mask(words.map(is_nobody, na_action="ignore").eq(True))
    groups = _spellings(words.dropna(), key)
    said += [f"{column} {', '.join(map(shown, group))} read as {group[0]}" for group in groups]
    return words.replace({word: group[0] for group in groups for word in group})


def _spellings(words: "pd.Series[str]", key: Callable[[str], Hashable]) -> list[list[str]]:
    """Groups of words that have one key, the most frequent word of each first; words alone are left out."""
    groups: dict[Hashable, list[str]] = {}
    for word in words.value_counts(sort=False).sort_values(ascending=False, kind="stable").index:
        groups.setdefault(key(word), []).append(word)
    return [group for group in groups.values() if len(group) > 1]


def _by_key(names: "pd.Series[str]", keys: "pd.Series[str]", lost: Lost, said: list[str]) -> "pd.Series[str]":
    """One identity for each key: its name, with the key's begin where others have that name; the key without a name."""
    given: dict[str, Counter[str]] = {key: Counter() for key in keys.dropna().unique()}
    for key, name in zip(keys, names, strict=True):
        if key in given and name != UNKNOWN:
            given[key][name] += 1
    usual = {key: of_it.most_common(1)[0][0] if of_it else key for key, of_it in given.items()}
    owners = Counter(usual.values())
    begins = Counter(key[:8] for key in given)
    full = {
        key: name if owners[name] == 1 else f"{name} ({key[:8] if begins[key[:8]] == 1 else key})"
        for key, name in usual.items()
    }
    for name in (name for name, owned in owners.items() if owned > 1):
        animals = ", ".join(full[key] for key in given if usual[key] == name)
        said.append(f"{name} is the name of {owners[name]} animals, by {KEY}: {animals}")
    for key, of_it in given.items():
        if len(of_it) > 1:
            said.append(f"{', '.join(of_it)} have one {KEY}: read as {full[key]}")
    for row in names.index[keys.isna() & names.isin([name for name, owned in owners.items() if owned > 1])]:
        lost[row] = f"{names[row]} is the name of {owners[names[row]]} animals, and this row has no {KEY}"
    return keys.map(full).fillna(names.mask(names.index.isin(list(lost)), UNKNOWN))


def _by_species(
    names: "pd.Series[str]", table: pd.DataFrame, config: ReadConfig, lost: Lost, said: list[str]
) -> "pd.Series[str]":
    """The names, those of several species with the species behind; parts of one animal on a photo are no species."""
    several = _several_species(names, table, config)
    rows_of, new = names.groupby(names).indices, names.tolist()
    for name, words in several.items():
        for row in rows_of[name]:
            word = table["species"].iloc[row]
            fitting = [kind for kind in words if isinstance(word, str) and species(word) <= kind]
            if len(fitting) == 1:
                new[row] = f"{name} ({words[fitting[0]]})"
            else:
                new[row] = UNKNOWN
                lost[int(row)] = f"{name} is the name of animals of {' and '.join(words.values())}: give its species"
    if several:
        first, words = next(iter(several.items()))
        animals = " and ".join(f"{first} ({word})" for word in words.values())
        given = counted(len(several), "name is given", "names are given")
        one = f"if it is one animal: --animals {quoted(first)}"
        said.append(f"{given} to several species and read as an animal of each: {first} is {animals} ({one})")
    return pd.Series(new, index=names.index, dtype=names.dtype)


def _several_species(names: "pd.Series[str]", table: pd.DataFrame, config: ReadConfig) -> dict[str, Words]:
    """The names of animals of several species, with their words; none where half of them are together on a photo."""
    kinds: dict[Any, frozenset[str]] = {word: species(word) for word in table["species"].dropna().unique()}
    rows = pd.DataFrame({"name": names, "path": table["path"], "word": table["species"]}).dropna()
    rows = rows[(rows["name"] != UNKNOWN) & rows["word"].map(kinds).map(bool)]
    rows = rows[rows.groupby("name")["word"].transform("nunique") > 1]
    found, together = dict[str, Words](), 0
    for name, own in rows.groupby("name", sort=False):
        every = {kinds[word] for word in own["word"]}
        words: Words = {}
        for word, _ in Counter(own["word"]).most_common():
            if not any(kinds[word] < other for other in every):
                words.setdefault(kinds[word], word)
        if len(words) > 1 and not fits(str(name), config.animals):
            found[str(name)] = words
            photos = {
                (path, kind)
                for path, word in zip(own["path"], own["word"], strict=True)
                if (kind := kinds[word]) in words
            }
            together += len(photos) > len({path for path, _ in photos})
    return found if 2 * together < len(found) else {}


def _listed(names: list[str], counts: "pd.Series[int]") -> str:
    """The first names with the number of their rows."""
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(f"{shown(name)} ({counts[name]})" for name in names[:5]) + more


def quoted(name: str) -> str:
    """A name as an argument on the command line."""
    return name if name.replace("_", "").isalnum() else f'"{name}"'
