"""The table of signal features: which families there are, and which of them makes a feature.

To add a feature, write its family as one file beside `sessions.py` and add one line to `FAMILIES`. The consumer folds
it, serving reads it and training replays it from then on; a column `{source: signal, name: …}` in the catalog asks for
it. For what happened before, let the stream be read again (delete the durable `signals-signals`; its consumer makes it
anew): to the other families that changes nothing.
"""

from oo.features.activity import Activity
from oo.features.calendar import Calendar
from oo.features.feature import Family
from oo.features.sessions import Sessions
from oo.features.sleep import Sleep

FAMILIES: tuple[Family, ...] = (
    Sessions(),
    Activity(),
    Calendar(),
    Sleep(),
)

FAMILY_OF: dict[str, Family] = {feature: family for family in FAMILIES for feature in family.feature_names}
