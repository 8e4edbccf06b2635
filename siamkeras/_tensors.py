"""Tensor conversion shared by distances, losses and applications; batches divided among replicas."""

import keras
from keras import ops


def as_float(x):
    """`x` as a tensor of at least float32: casts integers and half precision up, and keeps float64."""
    x = ops.convert_to_tensor(x)
    is_wide = keras.backend.standardize_dtype(x.dtype) in ("float32", "float64")
    return x if is_wide else ops.cast(x, "float32")


def replicas():
    """Number of replicas among which `tf.distribute` divides the current batch; 1 without it."""
    context = _replica_context()
    return 1 if context is None else context.num_replicas_in_sync


def gathered(*tensors):
    """The tensors `(batch, ...)` of all replicas, in the same order in each; None and numbers stay as they are.

    Every replica then computes the loss of the whole batch. Keras divides it by the number of replicas, and the
    gradient of the gathering adds up those of all replicas: together they train like one device.
    """
    if replicas() == 1:
        return tensors
    return tuple(x if x is None or not ops.shape(x) else _gathered(x) for x in tensors)


def _gathered(x):
    import tensorflow as tf

    return tf.ensure_shape(_replica_context().all_gather(x, axis=0), (None, *x.shape[1:]))


def _replica_context():
    if keras.backend.backend() != "tensorflow":
        return None
    import tensorflow as tf

    return tf.distribute.get_replica_context()
