"""WildTrack: who is this animal? Access photos, assess them, address the question.

Importing the package is cheap: heavy libraries are imported by the modules that use them.
"""

__version__ = "0.1.0"


def versions() -> dict[str, str]:
    """The versions that decide what comes out, for records and bug reports."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    found = {"wildtrack": __version__, "python": platform.python_version()}
    for package in ("tensorflow", "tensorflow-cpu", "keras", "numpy", "pillow", "onnxruntime", "faiss-cpu"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # tensorflow or tensorflow-cpu: one of them is there
            continue
    return found
