"""The handwritten digits of scikit-learn."""

from siamkeras.data.examples import Examples

DIGIT_NAMES = {digit: str(digit) for digit in range(10)}


def digits():
    """The 1,797 handwritten digits of 8x8 pixels that scikit-learn includes.

    Returns:
        `Examples`: `images` `(1797, 8, 8, 1)`, float32 in [0, 1], ink is 1; `labels` 0 to 9.

    >>> digits()
    1797 images (8x8x1), 10 classes, source: scikit-learn's digits
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return Examples(
        images=(bunch.images[..., None] / 16).astype("float32"),
        labels=bunch.target.astype("int64"),
        class_names=DIGIT_NAMES,
        source="scikit-learn's digits",
    )
