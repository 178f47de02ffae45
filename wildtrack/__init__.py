"""WildTrack: who is this animal? Access photos, assess them, address the question.

Importing the package is cheap: heavy libraries are imported by the modules that use them.
"""

__version__ = "0.1.0"
