"""Models in inference mode, compiled once."""

import functools
import weakref

import keras
import numpy as np
from keras import ops

# For each model the weights and outputs it had when it was compiled, and the compiled function. Nothing here refers to
# the model itself, so that it is freed as if it had not been compiled.
_COMPILED = weakref.WeakKeyDictionary()


def infer(model, batch):
    """The outputs of `model` in inference mode, as arrays.

    The model is compiled at the first call, and again when its structure has changed, for example by `quantize`.

    Args:
        model: A built `keras.Model`.
        batch: An array `(n, ...)`, or a dict of arrays keyed by the names of the inputs.
    """
    parts = [*model.weights, *model.outputs]
    known, function = _COMPILED.get(model, ((), None))
    if len(known) != len(parts) or any(old is not new for old, new in zip(known, parts, strict=True)):
        function = _COMPILERS[keras.backend.backend()](model)
        _COMPILED[model] = parts, function
    return function(batch)


def _call(model, batch):
    return model()(batch, training=False)


def _tensorflow(model):
    import tensorflow as tf

    reference = weakref.ref(model)
    specs = {x.name: tf.TensorSpec(x.shape, x.dtype) for x in model.inputs}
    signature = specs if len(specs) > 1 else next(iter(specs.values()))
    # TensorFlow warns from the fifth compilation of the same code on. A partial function has no code of its own.
    compiled = tf.function(functools.partial(_call, reference), input_signature=[signature], autograph=False)

    def function(batch):
        batch = keras.tree.map_structure(ops.convert_to_tensor, batch)
        if isinstance(batch, dict):
            named = {name: batch[name] for name in specs if name in batch}
        else:
            named = dict.fromkeys(specs, batch)
        if len(named) == len(specs) and all(specs[name].is_compatible_with(x) for name, x in named.items()):
            outputs = compiled(named if len(specs) > 1 else batch)
        else:  # Keras converts it, or says what is wrong.
            outputs = _call(reference, batch)
        return keras.tree.map_structure(ops.convert_to_numpy, outputs)

    return function


def _jax(model):
    import jax

    reference, weights = weakref.ref(model), model.weights

    @jax.jit
    def compiled(values, batch):
        with keras.StatelessScope(state_mapping=list(zip(weights, values, strict=True))):
            return _call(reference, batch)

    def function(batch):
        n = len(next(iter(batch.values())) if isinstance(batch, dict) else batch)
        # JAX compiles every batch size. Padded to four significant bits, there are few.
        unit = 1 << max(0, n.bit_length() - 4)
        padded = -(-n // unit) * unit

        def pad(array):
            return ops.convert_to_tensor(np.concatenate([array, np.repeat(array[-1:], padded - n, axis=0)]))

        outputs = compiled([weight.value for weight in weights], keras.tree.map_structure(pad, batch))
        outputs = keras.tree.map_structure(ops.convert_to_numpy, outputs)
        return keras.tree.map_structure(lambda x: x[:n] if x.shape[:1] == (padded,) else x, outputs)

    return function


def _torch(model):
    import torch

    reference = weakref.ref(model)

    def function(batch):
        with torch.no_grad():
            outputs = _call(reference, keras.tree.map_structure(ops.convert_to_tensor, batch))
        return keras.tree.map_structure(ops.convert_to_numpy, outputs)

    return function


_COMPILERS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
