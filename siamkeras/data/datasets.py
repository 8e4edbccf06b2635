"""Data sets of other libraries as `Examples`."""

import io

import numpy as np
from PIL import Image

from siamkeras._arrays import aligned_empty, to_float
from siamkeras._validation import check_images, check_labels
from siamkeras.data import _images
from siamkeras.data.examples import Examples
from siamkeras.data.folders import check_format


def from_dataset(dataset, image="image", label="label", size=None, crop=False, central_fraction=1.0):
    """Reads a labelled image data set from Hugging Face, `tf.data`, TensorFlow Datasets or Keras into memory.

    Args:
        dataset: A `datasets.Dataset` with a column of type `Image`; or a `tf.data.Dataset` of `(image, label)` or
            dicts, batched or not, with images that are uint8 or floats in [0, 1]. The images of
            `keras.utils.image_dataset_from_directory`, floats in 0-255, are divided by 255.
        image, label: Names of the columns, or keys of the dicts. Labels are integers or strings.
        size, crop, central_fraction: As for `image_folder`; `size=None` for images that all have the same size.

    Returns:
        `Examples` with the class names or string labels of the data set. With TensorFlow Datasets, set the names:
        `examples._replace(class_names=dict(enumerate(info.features["label"].names)))`.

    >>> import tensorflow as tf
    >>> from siamkeras import data
    >>> pixels = tf.data.Dataset.from_tensor_slices((tf.zeros((4, 8, 8, 1)), [0, 1, 0, 1]))
    >>> data.from_dataset(pixels.batch(2)).labels.tolist()
    [0, 1, 0, 1]
    """
    if isinstance(dataset, dict):
        raise ValueError(f"Pass one split, such as `dataset[{next(iter(dataset), 'train')!r}]`. Received: a dict.")
    if size is not None:
        size = check_format(size, 3, central_fraction)
    elif crop or central_fraction != 1:
        raise ValueError("`crop` and `central_fraction` need a `size`. Received: size=None.")
    if hasattr(dataset, "element_spec"):
        rows, names = _tf_rows(dataset, image, label), getattr(dataset, "class_names", None)
    elif not hasattr(dataset, "features"):
        raise ValueError(f"`dataset` must be a Hugging Face or tf.data data set. Received: {type(dataset).__name__}.")
    else:
        rows, names = _hugging_face_rows(dataset, image, label), getattr(dataset.features.get(label), "names", None)
    images, labels = [], []
    for array, value in rows:
        if array.dtype != np.uint8 and array.dtype.kind != "f":
            raise ValueError(f"Images must be uint8 or floats in [0, 1]. Received: {array.dtype}.")
        array = array / np.float32(255) if hasattr(dataset, "class_names") else array
        images.append(array if size is None else _resize(array, *size, crop, central_fraction))
        labels.append(value.decode() if isinstance(value, bytes) else value)
    labels = check_labels(labels, label)
    if labels.dtype.kind == "U":
        names, labels = np.unique(labels, return_inverse=True)
    elif labels.dtype.kind == "i" and labels.min() < 0:
        raise ValueError("Every image needs a label. Received: the label -1, which means no label.")
    class_names = {} if names is None else {value: str(names[value]) for value in np.unique(labels).tolist()}
    source = f"a data set of the library {type(dataset).__module__.partition('.')[0]}"
    return Examples(_stack(images), labels, class_names=class_names, source=source)


def _hugging_face_rows(dataset, image, label):
    """Yields each image `(height, width, channels)` and its label."""
    import datasets

    if label not in dataset.features or not isinstance(dataset.features.get(image), datasets.Image):
        raise ValueError(f"`image` must be a column of type Image, `label` a column. Received: {dataset.features}.")
    rows = dataset.with_format(None).select_columns([image, label]).cast_column(image, datasets.Image(decode=False))
    for index, row in enumerate(rows):
        with _images.decoding(f"number {index}"):
            content = row[image]["bytes"]
            picture = _images.open_image(row[image]["path"] if content is None else io.BytesIO(content))
        yield np.atleast_3d(picture.convert("L" if picture.mode in ("1", "L", "LA") else "RGB")), row[label]


def _tf_rows(dataset, image, label):
    spec = dataset.element_spec
    columns = (image, label) if isinstance(spec, dict) else (0, 1)
    if not (set(columns) <= set(spec) if isinstance(spec, dict) else isinstance(spec, tuple) and len(spec) == 2):
        raise ValueError(f"Elements must be (image, label) or dicts with {image!r} and {label!r}. Received: {spec}.")
    if dataset.cardinality() == -1:
        raise ValueError("The data set repeats endlessly. Pass `dataset.take(n)`.")
    for element in dataset.as_numpy_iterator():
        images, labels = (np.asarray(element[column]) for column in columns)
        if labels.ndim == 0 or (labels.shape == (1,) and images.ndim == 3 and len(images) > 1):
            images, labels = images[None], labels[None]
        images = images[..., None] if images.ndim == 3 else images
        if images.ndim != 4 or labels.shape not in ((len(images),), (len(images), 1)):
            shapes = f"images of shape {images.shape}, labels of shape {labels.shape}"
            raise ValueError(f"Every image (height, width, channels) needs one class index. Received: {shapes}.")
        yield from zip(images, labels.reshape(-1).tolist(), strict=True)


def _resize(array, *options):
    """A uint8 or float image as float32, resized channel by channel: Pillow has no float colour images."""
    channels = np.moveaxis(np.float32(to_float(array)), -1, 0)
    return np.stack([_images.resize(Image.fromarray(channel), *options) for channel in channels], axis=-1)


def _stack(images):
    """Images as one float32 array; grey ones get three channels if others have them."""
    sizes = sorted({array.shape[:2] for array in images})
    if len(sizes) > 1:
        raise ValueError(f"Images of different sizes need `size=(height, width)`. Received: {_images.shorten(sizes)}.")
    stacked = aligned_empty((len(images), *sizes[0], max(array.shape[2] for array in images)), np.float32)
    for index, array in enumerate(images):
        stacked[index] = to_float(array)
    return check_images(stacked)
