"""A trained segmenter at work: what it is given is checked before it is asked."""

from siamkeras._validation import check_integer
from siamkeras.applications.segmentation.baselines import checked_episodes

SLACK = 0.01


def segment(model, inputs, batch_size=8):
    """The masks of new images, by a trained segmenter.

    Args:
        model: What `few_shot_segmenter` gives.
        inputs: `{"query": (n, height, width, 1), "references": (n, references, height, width, 1), "masks": (n,
            references, height, width)}`; images are in [0, 1], as `episodes` gives them, and masks booleans or numbers
            from 0 to 1, of which at least 0.5 is inside.
        batch_size: Queries in a batch. The dense comparison of 48x48 pixels with five references takes 50 MB for each.

    Returns:
        The probability of each pixel, `(n, height, width)` float32; at least 0.5 is inside.

    Raises:
        ValueError: a model of another kind; images outside [0, 1]; roles that are missing; a reference or a mask of
            another size than the query; images of another size than the model was made for, or more or fewer
            references; an episode whose masks are all empty.
    """
    roles = {each.name: each for each in getattr(model, "inputs", None) or []}
    if set(roles) != {"query", "references", "masks"}:
        raise ValueError(f"`model` must be a `few_shot_segmenter`. Received: {model!r}.")
    batch_size = check_integer("batch_size", batch_size, 1)
    queries, references, masks = checked_episodes(inputs)
    for role, images in (("query", queries), ("references", references)):
        low, high = images.min(), images.max()
        if low < -SLACK or high > 1 + SLACK:
            raise ValueError(
                f"A segmenter sees images in [0, 1]; bytes are divided by 255 first. Received: values from "
                f"{low:.4g} to {high:.4g} as {role!r}."
            )
    wanted = tuple(roles["references"].shape[1:])
    came = (*references.shape[1:], 1)
    if any(want not in (None, have) for want, have in zip(wanted, came, strict=True)):
        told = tuple("any" if side is None else side for side in wanted)
        raise ValueError(f"This model takes references (number, height, width, channels) {told}. Received: {came}.")
    inputs = {"query": queries[..., None], "references": references[..., None], "masks": masks}
    inputs = {role: values.astype("float32") for role, values in inputs.items()}
    return model.predict(inputs, batch_size=batch_size, verbose=0)
