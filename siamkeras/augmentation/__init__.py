"""Distortions of images for `augment=`: another look at the same thing, so that few images teach more.

Each function here takes its ranges and gives a function `(image, seed) -> image`, as `generators.*(..., augment=...)`
and `retrieval.embed` call it: one image `(height, width, channels)`, float32 in [0, 1], and a `(2,)` integer seed. It
draws nothing but from that seed, so a batch can be rebuilt; it keeps shape and dtype, and values in [0, 1].

>>> from siamkeras import augmentation
>>> augment = augmentation.compose(augmentation.affine(), augmentation.elastic())
>>> augment([[[1.0]]] * 5, seed=[3, 7]).shape
TensorShape([5, 1, 1])
"""

from siamkeras.augmentation.applying import compose
from siamkeras.augmentation.moving import affine, crop, elastic, flip
from siamkeras.augmentation.shading import color_jitter, stroke_width

__all__ = ["affine", "compose", "crop", "elastic", "color_jitter", "flip", "stroke_width"]
