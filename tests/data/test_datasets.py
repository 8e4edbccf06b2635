"""Examples from data sets of Hugging Face, tf.data, TensorFlow Datasets and Keras."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from siamkeras import data

IMAGES = np.random.default_rng(5).integers(0, 256, (5, 6, 8, 3), dtype=np.uint8)
LABELS = np.array([2, 0, 1, 2, 0])
NAMES = ["ant", "bee", "cat"]


def hugging_face(images, labels, label_type=None, **columns):
    """Images as Pillow images, encoded bytes or paths."""
    datasets = pytest.importorskip("datasets")
    label_type = datasets.ClassLabel(names=NAMES) if label_type is None else datasets.Value(label_type)
    features = {"photo": datasets.Image(), "kind": label_type, **{name: datasets.Value("int64") for name in columns}}
    return datasets.Dataset.from_dict(
        {"photo": images, "kind": labels, **columns}, features=datasets.Features(features)
    )


def pillow(arrays=IMAGES):
    return [Image.fromarray(array) for array in arrays]


def tf_data(images=IMAGES, labels=LABELS):
    return tf.data.Dataset.from_tensor_slices((images, labels))


def from_hugging_face(dataset, **options):
    return data.from_dataset(dataset, image="photo", label="kind", **options)


@pytest.mark.parametrize("format", [None, "numpy"])
def test_a_hugging_face_data_set_is_read_with_its_class_names(format):
    dataset = hugging_face(pillow(), LABELS, other=list(range(5))).with_format(format)
    examples = from_hugging_face(dataset)
    np.testing.assert_array_equal(examples.images, IMAGES.astype("float32") / 255)
    assert examples.labels.tolist() == LABELS.tolist() and examples.images.dtype == np.float32
    assert examples.class_names == dict(enumerate(NAMES)) and examples.source == "a data set of the library datasets"
    assert from_hugging_face(dataset.select([0, 3])).class_names == {2: "cat"}


def test_files_grey_images_and_string_labels_of_hugging_face(tmp_path):
    pillow()[0].convert("L").save(tmp_path / "grey.png")
    examples = from_hugging_face(hugging_face([str(tmp_path / "grey.png")] * 2, ["pear", "fig"], "string"))
    assert examples.images.shape == (2, 6, 8, 1)
    assert examples.labels.tolist() == [1, 0] and examples.class_names == {0: "fig", 1: "pear"}
    mixed = from_hugging_face(hugging_face([pillow()[0], pillow()[1].convert("L")], [7, 9], "int64"))
    assert mixed.images.shape == (2, 6, 8, 3) and (mixed.images[1, ..., 0] == mixed.images[1, ..., 2]).all()
    assert mixed.labels.tolist() == [7, 9] and mixed.class_names == {}


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (lambda: hugging_face(pillow(), [0, 1, -1, 2, 0]), "Every image needs a label. Received: the label -1"),
        (lambda: hugging_face([{"bytes": b"<html>", "path": None}], [0]), "number 0 cannot be decoded: not a BMP"),
        (lambda: hugging_face([None], [0]), "number 0 cannot be decoded"),
        (lambda: hugging_face(pillow(), LABELS).rename_column("photo", "image"), "a column of type Image"),
        (lambda: {"test": hugging_face(pillow(), LABELS)}, r"Pass one split, such as `dataset\['test'\]`"),
    ],
)
def test_unusable_hugging_face_data_sets_are_errors(dataset, message):
    with pytest.raises(ValueError, match=message):
        from_hugging_face(dataset())


@pytest.mark.parametrize("batch_size", [None, 2])
@pytest.mark.parametrize(
    "make", [lambda image, label: (image, label), lambda image, label: {"image": image, "label": label}]
)
def test_a_tf_data_set_is_read_in_batches_or_not(batch_size, make):
    dataset = tf_data().map(make)
    examples = data.from_dataset(dataset if batch_size is None else dataset.batch(batch_size))
    np.testing.assert_array_equal(examples.images, IMAGES.astype("float32") / 255)
    assert examples.labels.tolist() == LABELS.tolist() and examples.class_names == {}
    assert examples.images.ctypes.data % 64 == 0


@pytest.mark.parametrize("batch_size", [None, 5])
def test_grey_floats_column_labels_and_strings_of_tf_data(batch_size):
    def read(labels):
        dataset = tf_data(np.float32(IMAGES[..., 0]) / 255, labels)
        return data.from_dataset(dataset if batch_size is None else dataset.batch(batch_size))

    assert read(LABELS).images.shape == (5, 6, 8, 1)
    strings = read(np.array(NAMES)[LABELS])
    assert strings.labels.tolist() == LABELS.tolist() and strings.class_names == dict(enumerate(NAMES))
    if batch_size:
        assert read(LABELS[:, None]).labels.tolist() == LABELS.tolist()


def test_the_class_names_of_a_keras_folder_are_kept(tmp_path):
    import keras

    for name, image in zip(("bee", "ant"), pillow(), strict=False):
        (tmp_path / name).mkdir()
        image.save(tmp_path / name / "1.png")
    dataset = keras.utils.image_dataset_from_directory(tmp_path, image_size=(6, 8), shuffle=False, verbose=False)
    examples = data.from_dataset(dataset)
    assert examples.class_names == {0: "ant", 1: "bee"} and examples.labels.tolist() == [0, 1]
    np.testing.assert_allclose(examples.images[0], IMAGES[1] / 255, atol=1e-5)


def test_images_of_different_sizes_are_resized_as_by_image_folder(tmp_path):
    arrays = [IMAGES[0], IMAGES[1, :4], np.tile(IMAGES[2], (2, 1, 1))]
    for index, image in enumerate(pillow(arrays)):
        (tmp_path / str(index)).mkdir()
        image.save(tmp_path / str(index) / "1.png")
    dataset = tf.data.Dataset.from_generator(
        lambda: zip(arrays, range(3), strict=True),
        output_signature=(tf.TensorSpec((None, None, 3), tf.uint8), tf.TensorSpec((), tf.int64)),
    )
    photos = hugging_face(pillow(arrays), [0, 1, 2])
    for options in ({}, {"crop": True}, {"crop": True, "central_fraction": 0.75}):
        expected = data.image_folder(tmp_path, (5, 4), **options).images
        for examples in (
            data.from_dataset(dataset, size=(5, 4), **options),
            from_hugging_face(photos, size=(5, 4), **options),
        ):
            np.testing.assert_allclose(examples.images, expected, atol=1.5 / 255)
    for read in (lambda: data.from_dataset(dataset), lambda: from_hugging_face(photos)):
        with pytest.raises(ValueError, match=r"need `size=\(height, width\)`. Received: \(4, 8\), \(6, 8\), \(12, 8\)"):
            read()


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (lambda: tf_data().repeat(), "repeats endlessly. Pass `dataset.take"),
        (lambda: tf_data(labels=np.eye(3)[LABELS]), r"one class index. Received: .* labels of shape \(3,\)"),
        (lambda: tf_data(labels=np.eye(3)[LABELS]).batch(2), r"labels of shape \(2, 3\)"),
        (lambda: tf_data(IMAGES[:, 0, 0], LABELS), r"images of shape \(1, 3\)"),
        (lambda: tf_data(labels=LABELS / 2), "`label` must be integers or strings. Received: float64"),
        (lambda: tf_data().take(0), "`label` is empty"),
        (lambda: tf_data(labels=np.negative(LABELS)), "Every image needs a label. Received: the label -1"),
        (lambda: tf_data(IMAGES.astype("int32")), "uint8 or floats in .* Received: int32"),
        (lambda: (IMAGES, LABELS), "Hugging Face or tf.data data set. Received: tuple"),
        (
            lambda: tf.data.Dataset.from_tensor_slices(IMAGES),
            r"Elements must be \(image, label\) or dicts with 'image'",
        ),
        (lambda: tf_data().map(lambda image, label: {"image": image}), "or dicts with 'image' and 'label'. Received"),
    ],
)
def test_unusable_tf_data_sets_are_errors(dataset, message):
    with pytest.raises(ValueError, match=message):
        data.from_dataset(dataset())


def test_encoded_bytes_of_hugging_face_are_rotated_by_their_exif_orientation():
    exif, content = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6
    pillow()[0].transpose(Image.Transpose.ROTATE_90).save(content, "PNG", exif=exif)
    dataset = hugging_face([{"bytes": content.getvalue(), "path": None}], [0])
    np.testing.assert_array_equal(from_hugging_face(dataset).images[0], IMAGES[0].astype("float32") / 255)
