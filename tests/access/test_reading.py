from wildtrack.access.reading import ReadConfig


def test_what_is_not_chosen_is_as_the_training_had_it() -> None:
    default, animals = ReadConfig(), ReadConfig(folders="animals")
    assert default.or_else(animals) == animals == animals.or_else(default) and default.or_else(default) == default
