"""Argument check of few-shot segmentation episodes, shared by the network, the baselines and the figure."""

import numpy as np

ROLES = ("query", "references", "masks")


def check_episodes(inputs):
    """Queries `(n, h, w)`, references `(n, k, h, w)` and boolean masks `(n, k, h, w)` of a dict of episodes.

    Raises:
        ValueError: roles, shapes or values other than those of `EvaluationEpisodes.inputs`; an episode without a
            single mask.
    """
    if not isinstance(inputs, dict) or not set(ROLES) <= set(inputs):
        received = sorted(inputs) if isinstance(inputs, dict) else type(inputs).__name__
        raise ValueError(f"`inputs` must be a dict with the keys {', '.join(ROLES)}. Received: {received}.")
    queries, references, masks = (np.asarray(inputs[role]) for role in ROLES)
    shapes = queries.shape, references.shape, masks.shape
    fits = len(shapes[0]) == 4 and len(shapes[1]) == 5 and shapes[0][-1] == 1 and queries.size and references.size
    if not fits or shapes[1] != (len(queries), shapes[1][1], *shapes[0][1:]) or shapes[2] != shapes[1][:-1]:
        raise ValueError(
            "Episodes need `query` (n, height, width, 1), `references` (n, references, height, width, 1) and `masks` "
            f"(n, references, height, width). Received: {shapes[0]}, {shapes[1]} and {shapes[2]}."
        )
    for name, values in zip(ROLES, (queries, references, masks), strict=True):
        if values.dtype.kind not in "biuf" or not (values.min() >= -0.01 and values.max() <= 1.01):  # also NaN
            hint = " Divide uint8 images by 255." if name != "masks" else ""
            raise ValueError(
                f"`{name}` must be in [0, 1]. Received: {values.dtype}, {values.min()} to {values.max()}.{hint}"
            )
    masks = masks >= 0.5
    empty = np.flatnonzero(~masks.any(axis=(1, 2, 3)))
    if empty.size:
        raise ValueError(
            f"Every episode needs at least one mask that is not empty. Received: only empty masks in {empty.size} of "
            f"{len(queries)} episodes, the first is {empty[0]}."
        )
    return queries[..., 0], references[..., 0], masks
