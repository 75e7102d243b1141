"""What the language model is asked: all prompt versions and languages in turn, for people made up from a seed."""

from random import Random
from typing import Any
from uuid import UUID

TOPICS = {
    "en": ("rest", "a walk at lunch", "a quiet evening", "focus at work", "friends"),
    "de": ("Schlaf", "ein Spaziergang am Mittag", "ein ruhiger Abend", "Ruhe bei der Arbeit", "Freunde"),
    "fr": ("sommeil", "une promenade à midi", "une soirée calme", "se concentrer au travail", "les amis"),
    "es": ("dormir", "un paseo a mediodía", "una tarde tranquila", "concentrarse en el trabajo", "los amigos"),
}
GOALS = ("move", "rest", "focus", "food", "people")


def questions(count: int, versions: tuple[str, ...], seed: int) -> list[dict[str, Any]]:
    """The bodies of so many requests, no two for one person."""
    random = Random(seed)  # noqa: S311  # a choice that repeats
    languages = tuple(TOPICS)
    return [
        {
            "request_id": str(UUID(int=random.getrandbits(128), version=4)),
            "tenant_id": "example",
            "user_id": f"person-{number}",
            "prompt_version": versions[number % len(versions)],
            "locale": (language := languages[number // len(versions) % len(languages)]),
            "profile_features": {
                "goal": random.choice(GOALS),
                "completion_rate": round(random.random(), 2),
                "preferred_hour": random.randrange(6, 23),
                "streak_days": random.randrange(30),
            },
        }
        | ({"topic": random.choice(TOPICS[language])} if random.random() < 0.7 else {})
        for number in range(count)
    ]
