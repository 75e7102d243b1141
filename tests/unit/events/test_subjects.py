from fnmatch import fnmatchcase

from oo.events.envelope import EVENT_TYPES
from oo.events.subjects import (
    DURABLES,
    MAX_AGE,
    STREAMS,
    SUBJECTS,
    advisory_subject,
    dead_letter_subject,
    shadow_subject,
)

SHADOWS = [shadow_subject(subject) for subject in SUBJECTS.values() if subject.startswith("decisions.")]


def covered(subject: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(subject, pattern.replace(">", "?*")) for pattern in patterns)


def test_every_event_type_has_a_subject_of_its_own() -> None:
    assert set(SUBJECTS) == set(EVENT_TYPES)
    assert len(set(SUBJECTS.values())) == len(SUBJECTS)


def test_every_subject_is_stored_in_exactly_one_stream() -> None:
    consumers = {durable.consumer for durable in DURABLES}
    for subject in [*SUBJECTS.values(), *SHADOWS, *map(dead_letter_subject, consumers)]:
        assert len([stream for stream, patterns in STREAMS.items() if covered(subject, patterns)]) == 1, subject


def test_every_durable_reads_from_a_stream_that_stores_what_it_reads() -> None:
    for durable in DURABLES:
        assert all(covered(pattern, STREAMS[durable.stream]) for pattern in durable.subjects), durable.name


def test_durables_have_names_of_their_own_that_say_whose_they_are() -> None:
    assert len({durable.name for durable in DURABLES}) == len(DURABLES)
    assert "archive-decisions" in {durable.name for durable in DURABLES}


def test_the_archive_reads_every_event_and_nobody_else_a_shadow() -> None:
    for subject in [*SUBJECTS.values(), *SHADOWS]:
        readers = {durable.consumer for durable in DURABLES if covered(subject, durable.subjects)}
        assert "archive" in readers
        assert subject not in SHADOWS or readers == {"archive"}


def test_a_shadow_writes_below_its_own_subject() -> None:
    assert SHADOWS == ["decisions.shadow.score", "decisions.shadow.generate"]


def test_what_a_durable_gives_up_on_is_read_by_a_durable_of_the_same_consumer() -> None:
    advisories = {durable.consumer: durable for durable in DURABLES if durable.stream == "ADVISORIES"}
    for durable in DURABLES:
        readers = [reader for reader in advisories.values() if covered(advisory_subject(durable), reader.subjects)]
        limited = durable.max_deliver > 0
        assert readers == ([advisories[durable.consumer]] if limited else []), durable.name
        assert limited == (durable.stream != "ADVISORIES"), "an advisory is read as often as it takes"


def test_every_stream_of_events_forgets_some_day_and_the_dead_letters_last() -> None:
    assert set(MAX_AGE) == set(STREAMS)
    ages = {name: age for name, age in MAX_AGE.items() if age is not None}
    assert set(STREAMS) - set(ages) == {"HISTORY"}
    assert all(age < ages["DLQ"] for name, age in ages.items() if name != "DLQ")
