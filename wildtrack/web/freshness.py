"""Whether the photos that a running page searches are still those on the disk."""

import logging
import time
from threading import Lock

from wildtrack.address.gallery.freshness import current_state, outdated
from wildtrack.address.gallery.gallery import Gallery
from wildtrack.storage.cache import CacheConfig

log = logging.getLogger(__name__)

LOOK_AGAIN = 1.0  # seconds between two looks at the photos
SHARE = 20.0  # how many times its own duration, at least, passes after a look


class Freshness:
    """Whether the known photos are still those of a gallery; looked at every second, or less often if it takes long."""

    def __init__(self, gallery: Gallery, cache: CacheConfig) -> None:
        self.gallery, self.cache = gallery, cache
        self._state = "" if gallery.source is None else gallery.source.state  # at the last look
        self._turn, self._next_look, self._found = Lock(), 0.0, ""

    def outdated(self) -> str:
        """How they changed, in words; "" where they did not. The catalogue is read only after they changed again."""
        source = self.gallery.source
        if source is None or not source.state:
            return ""
        with self._turn:
            start = time.monotonic()
            if start >= self._next_look:
                state = current_state(self.gallery, source)
                if state != self._state:
                    self._state, self._found = state, outdated(self.gallery, self.cache)
                    if self._found:
                        log.warning("The known photos changed: %s. Start the page again to search them.", self._found)
                end = time.monotonic()
                self._next_look = end + max(LOOK_AGAIN, SHARE * (end - start))
            return self._found
