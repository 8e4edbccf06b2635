"""A trained segmenter at work: what it is given is checked before it is asked."""

from siamkeras.segmentation.baselines import checked_episodes


def segment(model, inputs, batch_size=8):
    """The masks of new images, by a trained segmenter.

    Args:
        model: What `few_shot_segmenter` gives.
        inputs: `{"query": (n, height, width, 1), "references": (n, references, height, width, 1), "masks": (n,
            references, height, width)}`; masks are booleans or numbers from 0 to 1, of which at least 0.5 is inside.
        batch_size: Queries in a batch. The dense comparison of 48x48 pixels with five references takes 50 MB for each.

    Returns:
        The probability of each pixel, `(n, height, width)` float32; at least 0.5 is inside.

    Raises:
        ValueError: roles that are missing; a reference or a mask of another size than the query; images of another
            size than the model was made for, or more or fewer references; an episode whose masks are all empty.
    """
    queries, references, masks = checked_episodes(inputs)
    wanted = tuple(model.get_layer("references").batch_shape[1:])
    came = (*references.shape[1:], 1)
    if any(want not in (None, have) for want, have in zip(wanted, came, strict=True)):
        told = tuple("any" if side is None else side for side in wanted)
        raise ValueError(f"This model takes references (number, height, width, channels) {told}. Received: {came}.")
    inputs = {"query": queries[..., None], "references": references[..., None], "masks": masks}
    inputs = {role: values.astype("float32") for role, values in inputs.items()}
    return model.predict(inputs, batch_size=batch_size, verbose=0)
