"""A queue of tasks whose waiting threads hold no connection to the database."""

import queue
from typing import Final, Generic, TypeVar

from django.db import connection

Item = TypeVar("Item")

# An idle thread keeps its connection for this long: a worker has a dozen threads, and PostgreSQL takes a hundred
# connections by default.
CONNECTED_S: Final = 2.0


class TaskQueue(Generic[Item]):
    """First in, first out. Thread-safe."""

    def __init__(self) -> None:
        self._tasks: queue.SimpleQueue[Item] = queue.SimpleQueue()

    def put(self, task: Item) -> None:
        self._tasks.put(task)

    def get(self) -> Item:
        """Waits for a task, and closes the thread's connection to the database if that takes longer."""
        try:
            return self._tasks.get(timeout=CONNECTED_S)
        except queue.Empty:
            connection.close()
            return self._tasks.get()
