"""What comes from elsewhere: whether a host answers, and what is said if it does not."""

import os
import re
import threading
from urllib.parse import urlsplit

PROBE_SECONDS = 5


def check_answer(url, absent, remedy):
    """Nothing, or an error, at most `PROBE_SECONDS` later.

    Args:
        url: An address that has to answer.
        absent: Where the data was looked for: the beginning of a sentence.
        remedy: What to do without a network, in a sentence.

    Raises:
        ConnectionError: it does not answer.
    """
    failure = probe(url)
    if failure is not None:
        host = urlsplit(url).hostname
        raise ConnectionError(f"{absent} and {host} does not answer: {told(failure)}. {remedy}") from failure


def probe(url):
    """None if `url` answers, else the error that says why not.

    TensorFlow Datasets retries each file of a set ten times with growing pauses, and waits without limit for a network
    that drops its packets: offline costs minutes, as it does with Hugging Face's library and with Keras. The first
    asks by `requests`, and so does this: the same proxies and certificates count.
    """
    import requests

    outcome = []

    def ask():
        try:
            requests.head(url, allow_redirects=True, timeout=PROBE_SECONDS).raise_for_status()
            outcome.append(None)
        except Exception as error:
            outcome.append(error)

    # In a thread, because the timeout of `requests` does not cover the look-up of the host's name.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(PROBE_SECONDS)
    return outcome[0] if outcome else TimeoutError(f"no answer within {PROBE_SECONDS} seconds")


def told(error):
    """An error in a few words."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is not None:
        return f"HTTP status {status}"
    # `requests` names the same address three times over; TensorFlow puts nodes of a graph around its words.
    first = "" if "request" in vars(error) else next(iter(str(error).splitlines()), "")
    text = re.sub(r"{{.*?}} ?| \[.*", "", first)[:120].strip(" .,;")
    return type(error).__name__ + (f" ({text})" if text else "")


def kept_by_keras(url):
    """Where `keras.utils.get_file` keeps a file of weights that it has fetched, and whether it has."""
    home = os.environ.get("KERAS_HOME") or os.path.join(os.path.expanduser("~"), ".keras")
    path = os.path.join(home, "models", os.path.basename(urlsplit(url).path))
    return path, os.path.isfile(path)
