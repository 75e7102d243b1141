"""JetStream's codes (`err_code`) for answers that are told apart from failures."""

from typing import Final

NO_MESSAGE: Final = 10037
"""A sequence or subject of which a stream holds none."""
OVER_MAX_MSG_SIZE: Final = 10054
"""A message over a stream's own limit."""
NOTHING_TO_DELETE: Final = 10057
"""A sequence to delete of which a stream holds none."""
OTHERWISE_IN_USE: Final = 10058
"""A stream to create that is there with another configuration."""
OUTRUN: Final = frozenset({10071, 10164})
"""A compare-and-set that came after another writer's."""
