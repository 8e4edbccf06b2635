"""Check of few-shot segmentation episodes, shared by the network, the baselines and the figure."""

import numpy as np


def check_episodes(inputs):
    """Queries `(n, h, w)`, references `(n, k, h, w)` and boolean masks `(n, k, h, w)` of a dict of episodes.

    Raises:
        ValueError: shapes or values other than those of `EvaluationEpisodes.inputs`; an episode with empty masks only.
    """
    arrays = {role: np.asarray(inputs[role]) for role in ("query", "references", "masks")}
    queries, references, masks = arrays.values()
    expected = (len(queries), references.shape[1] if references.ndim == 5 else 1, *queries.shape[1:])
    if queries.ndim != 4 or queries.shape[3] != 1 or references.shape != expected or masks.shape != expected[:-1]:
        raise ValueError(
            "Episodes need `query` (n, height, width, 1), `references` (n, references, height, width, 1) and `masks` "
            f"(n, references, height, width). Received: {queries.shape}, {references.shape} and {masks.shape}."
        )
    for name, values in arrays.items():
        low, high = values.min(), values.max()
        if not (low >= -0.01 and high <= 1.01):  # also NaN
            hint = " Divide uint8 images by 255." if name != "masks" else ""
            raise ValueError(f"`{name}` must be in [0, 1]. Received: {values.dtype}, {low} to {high}.{hint}")
    masks = masks >= 0.5
    empty = np.flatnonzero(~masks.any(axis=(1, 2, 3)))
    if empty.size:
        raise ValueError(
            f"Every episode needs at least one mask that is not empty. Received: only empty masks in {empty.size} of "
            f"{len(queries)} episodes, the first is {empty[0]}."
        )
    return queries[..., 0], references[..., 0], masks
