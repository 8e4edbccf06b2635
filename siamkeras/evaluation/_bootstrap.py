"""Bootstrap: resampling with replacement, and 95 % percentile intervals."""

import numpy as np

from siamkeras._validation import check_integer, check_seed

# Counts per block, as float64: 64 MB.
BLOCK = 2**23
# Largest fraction of resamples without a value that an interval may leave out.
LARGEST_MISSING = 0.05


def resample_counts(n, resamples, seed, clusters=None, strata=None):
    """Yields how often each of n examples occurs in each resample, in blocks `(r, n)`.

    Args:
        n, resamples: Number of examples, and of resamples.
        seed: Integer.
        clusters: Cluster of each example, `(n,)`: whole clusters are resampled. Or the clusters of the left and right
            side of each pair, `(n, 2)`: a pair across two clusters counts as often as the product of their counts, a
            pair within one cluster as often as that cluster. None resamples the examples.
        strata: Booleans, `(n,)`: without clusters, the two kinds are resampled separately and keep their sizes.
    """
    resamples, rng = check_integer("resamples", resamples), check_seed(seed)
    if clusters is not None and resamples > 0:
        cluster_of, total = _cluster_indices(clusters, n)
    for start in range(0, resamples, max(1, BLOCK // n)):
        rows = min(max(1, BLOCK // n), resamples - start)
        if clusters is not None:
            counts = _multinomial(rng, total, rows)
            left, right = cluster_of.T
            yield np.where(left == right, 1.0, counts[:, right]) * counts[:, left]
            continue
        counts = np.empty((rows, n))
        for stratum in [np.full(n, True)] if strata is None else [strata, ~strata]:
            counts[:, stratum] = _multinomial(rng, stratum.sum(), rows)
        yield counts


def percentile_intervals(blocks, lacking="value"):
    """95 % intervals `[(low, high), ...]` of statistics over resamples; `[]` without resamples.

    Args:
        blocks: A list of arrays `(statistics, r)`, NaN where a resample has no value.
        lacking: What a resample without a value lacks, for the message.
    """
    if not blocks:
        return []
    samples = np.concatenate(blocks, axis=1)
    missing = np.mean(np.isnan(samples))
    if missing > LARGEST_MISSING:
        raise ValueError(
            f"{missing:.0%} of the bootstrap resamples have no {lacking}. Intervals need at most "
            f"{LARGEST_MISSING:.0%}. Use more or other clusters, or `resamples=0` for no intervals."
        )
    return [(float(low), float(high)) for low, high in np.nanpercentile(samples, [2.5, 97.5], axis=1).T]


def mean_intervals(values, resamples, seed, clusters=None):
    """95 % intervals `[(low, high), ...]` of the means of the columns of `values` `(n, columns)`."""
    blocks = resample_counts(len(values), resamples, seed, clusters)
    return percentile_intervals([(counts @ values / counts.sum(axis=1, keepdims=True)).T for counts in blocks])


def _multinomial(rng, n, rows):
    return rng.multinomial(n, np.full(n, 1 / n), rows).astype("float64")


def _cluster_indices(clusters, n):
    """Index of the left and right cluster of each example, `(n, 2)`, and the number of clusters."""
    clusters = np.asarray(clusters)
    if clusters.shape not in ((n,), (n, 2)):
        raise ValueError(f"`clusters` must be ({n},) or ({n}, 2). Received: shape {clusters.shape}.")
    names, indices = np.unique(clusters, return_inverse=True)
    if len(names) < 2:
        raise ValueError(f"Intervals need at least two clusters. Received: {names}.")
    # The shape of the inverse differs between versions of NumPy.
    return np.broadcast_to(indices.reshape(n, -1), (n, 2)), len(names)
