import numpy as np
from sklearn.ensemble import ExtraTreesClassifier  # type: ignore[import-untyped]  # scikit-learn ships no types
from sklearn.impute import SimpleImputer  # type: ignore[import-untyped]  # the same
from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped]  # the same

from oo.training.search import SEARCH_ROWS, folds, sample, search
from tests.training_data import digit_dataset


def test_what_is_judged_is_newer_than_all_that_was_fitted_and_ends_with_the_newest_row() -> None:
    assert list(folds(1_000)) == [
        (slice(0, 502), slice(502, 668)),
        (slice(0, 668), slice(668, 834)),
        (slice(0, 834), slice(834, 1_000)),
    ]
    assert list(folds(1_000, 1)) == [(slice(0, 834), slice(834, 1_000))]


def test_few_rows_are_all_looked_at() -> None:
    assert sample(np.zeros(SEARCH_ROWS)).tolist() == list(range(SEARCH_ROWS))


def test_of_many_rows_a_bounded_number_is_looked_at_from_all_times_and_in_their_order() -> None:
    rewards = (np.random.default_rng(1).random(100_000) < 0.3).astype(float)
    seen = sample(rewards)
    assert len(seen) == len(set(seen.tolist())) == SEARCH_ROWS
    assert np.all(np.diff(seen) > 0)
    assert np.ptp(np.histogram(seen, bins=10, range=(0, 100_000))[0]) < 30
    assert abs(rewards[seen].mean() - rewards.mean()) < 0.001


def test_rare_rewards_are_all_looked_at() -> None:
    rewards = np.zeros(100_000)
    rewards[::500] = 1
    assert rewards[sample(rewards)].sum() == 200
    assert (1 - rewards)[sample(1 - rewards)].sum() == SEARCH_ROWS - 200


def test_every_candidate_is_tried_and_the_best_is_first() -> None:
    dataset = digit_dataset(240)
    forest = make_pipeline(SimpleImputer(), ExtraTreesClassifier(n_estimators=20, random_state=1))
    tried = search("forest", forest, {"max_depth": (1, 8), "max_features": (0.5,)}, dataset.rows, dataset.rewards)
    assert [one.recipe for one in tried] == ["forest", "forest"]
    assert [one.parameters for one in tried] == [
        {"max_depth": 8, "max_features": 0.5},
        {"max_depth": 1, "max_features": 0.5},
    ]
    assert tried[0].log_loss < tried[1].log_loss < 0.75
