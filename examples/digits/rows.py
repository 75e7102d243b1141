"""scikit-learn's 1,797 handwritten digits as a bandit: the context is an image, the right arm is its digit."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import NAMESPACE_OID, uuid5

import numpy as np
from sklearn.datasets import load_digits  # type: ignore[import-untyped]  # scikit-learn ships no types

TENANT = "digits"
ARMS = tuple(str(digit) for digit in range(10))


@dataclass(frozen=True, slots=True)
class Image:
    """One image: 64 pixels from 0 to 16 by name, and the digit that it shows."""

    request_id: str
    """Follows from seed and image, so that a story that is told again makes the same choices."""
    user_id: str
    context: dict[str, float]
    right_arm: str


def images(seed: int) -> Iterator[Image]:
    """All images in an order drawn from `seed`, so that early and late ones are alike."""
    pixels, digits = load_digits(return_X_y=True)
    for row in np.random.default_rng(seed).permutation(len(digits)):
        context = {f"pixel_{position:02d}": float(value) for position, value in enumerate(pixels[row])}
        request_id = str(uuid5(NAMESPACE_OID, f"digits/{seed}/{row}"))
        yield Image(request_id, f"image-{row:04d}", context, str(digits[row]))
