"""Percentiles and buckets of how long changes took."""

from orchestrator.migration.adapters.lags import BOUNDS_S, Lags


def test_percentiles_are_weighted_by_paths() -> None:
    lags = Lags()
    assert lags.percentiles() == (0.0, 0.0, 0.0)
    lags.add(1.0, 1)
    lags.add(0.01, 98)
    lags.add(0.5, 1)
    assert lags.percentiles() == (0.01, 0.01, 0.5)


def test_a_bucket_holds_what_is_at_most_its_bound() -> None:
    lags = Lags()
    for bound in BOUNDS_S:
        lags.add(bound, 1)
    lags.add(BOUNDS_S[-1] + 1, 2)
    assert lags.buckets == [1] * len(BOUNDS_S) + [2]
