"""Reads the lists beside that of the events: checkpoints, and the figures of the steps."""

from ftmon.errors import RefusedError, TooLargeError
from ftmon.model.event import Event
from ftmon.wire.dialects.dialect import Source
from ftmon.wire.dialects.reading import by_time
from ftmon.wire.follow.session import Session


class Sources:
    """Gives each source of the session's dialect its turn among the readings."""

    def __init__(self, session: Session) -> None:
        self.was_read = False
        """All of them were read once."""
        self._session = session
        self._readings = 0
        self._missing: set[Source] = set()
        """Those that the service does not have, or not yet: asked for again only when all are read."""
        self._too_large: set[Source] = set()
        """Those that are never asked for again."""

    def next(self) -> Source | None:
        """Return the source whose turn is at this reading, if any."""
        self._readings += 1
        for source in self._session.service.dialect.sources:
            if self._readings % source.every == 0 and source not in self._missing:
                return source
        return None

    async def read_all(self) -> list[Event]:
        """Return the events of all sources in the order of their times; raises as `read`."""
        events: list[Event] = []
        for source in self._session.service.dialect.sources:
            events += await self.read(source)
        self.was_read = True
        return by_time(events)

    async def read(self, source: Source) -> list[Event]:
        """Return the events of a source; none where the service does not have it.

        Raises:
            UnreachableError: as `Service.source`.
        """
        try:
            if source not in self._too_large:
                return await self._session.service.source(self._session.key.job_id, source)
        except RefusedError:
            self._missing.add(source)
        except TooLargeError as error:
            self._missing.add(source)
            self._too_large.add(source)
            name = source.path.partition("?")[0].rpartition("/")[2]
            await self._session.tell(notice=f"The list of {name} cannot be read: {error}.")
        return []
