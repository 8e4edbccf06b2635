"""Face images from the fetchers of scikit-learn."""

import numpy as np
from PIL import Image

from siamkeras._arrays import aligned_empty
from siamkeras.data import _images
from siamkeras.data._sources import damaged, downloading, short_message


def fetch(fetcher, title, megabytes, url, missing, hint, **options):
    """The result of a fetcher of scikit-learn: from its cache, or after a download."""
    from sklearn.datasets import get_data_home

    try:
        return fetcher(download_if_missing=False, **options)
    except OSError:  # not in the cache
        pass
    except Exception as error:  # joblib, zlib and Pillow raise various types
        raise damaged(title, get_data_home(), short_message(error)) from error
    with downloading(title, megabytes, url, missing, hint):
        return fetcher(download_if_missing=True, **options)


def resize(images, size):
    """Grey images `(n, height, width)` in [0, 1], cropped to the proportions of `size` and resized: `(n, *size, 1)`."""
    resized = aligned_empty((len(images), *size, 1), "float32")
    for index, image in enumerate(images):
        image = Image.fromarray(np.asarray(image, "float32"))
        resized[index, ..., 0] = _images.resize(image, *size, crop=True)
    return np.clip(resized, 0, 1, out=resized)
