"""Towers: networks from one input to one embedding, each a plain `keras.Model` named "tower".

Any `keras.Model` with one input and one output `(batch, dim)` can be used as a tower. For a network with several
inputs, such as an image and a text, train it directly on labels with a loss such as `losses.TripletLoss`, or call it
once per role and compare the embeddings with `layers.Distance`. Two towers become one network if they have different
names and inputs of your own:

>>> import keras
>>> from siamkeras import towers
>>> image, title = keras.Input((32, 32, 3), name="image"), keras.Input((8,), name="title")
>>> image_tower, title_tower = towers.conv((32, 32, 3), filters=(16, 32)), towers.dense((8,))
>>> image_tower.name, title_tower.name = "image_tower", "title_tower"
>>> joined = keras.layers.Concatenate()([image_tower(image), title_tower(title)])
>>> keras.Model({"image": image, "title": title}, keras.layers.Dense(64)(joined)).output_shape
(None, 64)

Its batches are dictionaries `{"image", "title"}`, text as `tf.constant(titles)`; `predict` returns the embeddings.
"""

from siamkeras import _unicode  # noqa: F401, registers the tokenizers of saved towers
from siamkeras.towers import _text_layers  # noqa: F401, registers layers of saved towers
from siamkeras.towers.baselines import histogram, pixels
from siamkeras.towers.conv import conv
from siamkeras.towers.dense import dense
from siamkeras.towers.ensembles import rotated_views
from siamkeras.towers.koch import koch, koch_small
from siamkeras.towers.pretrained import freeze, pretrained, unfreeze

__all__ = [
    "bag_of_ngrams",
    "conv",
    "dense",
    "freeze",
    "histogram",
    "koch",
    "koch_small",
    "pixels",
    "pretrained",
    "recurrent",
    "rotated_views",
    "unfreeze",
]


def __getattr__(name):
    if name in ("bag_of_ngrams", "recurrent"):  # loaded on first use
        from siamkeras.towers import text

        return getattr(text, name)
    raise AttributeError(f"module 'siamkeras.towers' has no attribute {name!r}. It has: {', '.join(__all__)}.")


def __dir__():
    return sorted({*globals(), *__all__})
