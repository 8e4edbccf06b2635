"""Sets of the Hugging Face hub, read through its library `datasets`."""

from siamkeras.data import _downloads as downloads
from siamkeras.data import _hub as hub


def load(hub_set, revision, split, absent, remedy):
    """A split of a set: from the cache of `datasets`, or after a download.

    Args:
        hub_set: `HubSet`.
        revision: The branch that holds it as Parquet files; `datasets` 4 and later refuse loading scripts.
        split: Its name on the hub.
        absent, remedy: As for `hub.announce_download`.

    Returns:
        `datasets.Dataset`.

    Raises:
        ConnectionError: the hub does not answer or is not to be asked (`HF_HUB_OFFLINE`), and the set is not in the
            cache; or the download failed. A second attempt goes on where it broke off.
        ImportError: `datasets` cannot be imported.
    """
    try:
        import datasets
    except ImportError as error:
        raise ImportError(
            f"{hub_set.title} is read through Hugging Face's library, which cannot be used here: "
            f"{downloads.told(error)}. Install it: `pip install datasets`."
        ) from error
    config = datasets.config
    try:
        if config.HF_HUB_OFFLINE:
            raise ConnectionError(f"{absent} and HF_HUB_OFFLINE forbids to ask for it. {remedy}")
        # A mirror answers at another address, with the same paths.
        url = hub_set.url.replace("https://huggingface.co", config.HF_ENDPOINT)
        hub.announce_download(hub_set, url, absent, config.HF_DATASETS_CACHE, remedy)
    except ConnectionError as offline:
        return _cached(datasets, hub_set.name, revision, split, offline)
    try:
        return datasets.load_dataset(hub_set.name, revision=revision, split=split)
    except Exception as error:
        raise ConnectionError(f"{absent} and its download failed: {downloads.told(error)}. {remedy}") from error


def _cached(datasets, name, revision, split, offline):
    """What an earlier download left in the cache, or the error `offline`."""
    # The variable itself is read once, when `datasets` is imported; without it, each file is asked for, for minutes.
    before, datasets.config.HF_HUB_OFFLINE = datasets.config.HF_HUB_OFFLINE, True
    try:
        return datasets.load_dataset(name, revision=revision, split=split)
    except Exception:
        raise offline from offline.__cause__
    finally:
        datasets.config.HF_HUB_OFFLINE = before
