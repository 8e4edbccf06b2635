"""What a loader has to say to its user, in one line."""

import warnings


class StandInWarning(UserWarning):
    """The real data could not be had, and something else stands in for it."""


class SkippedFilesWarning(UserWarning):
    """Some files could not be read and were left out."""


_shown = {}


def notify(message, category):
    """Tells the user once: a warning without the path of a file and a line of source around it."""
    # A warning can be caught, silenced or made an error, and is not repeated. Its place is named here because
    # `warnings.warn` would print the path of a file, or of a notebook's cell, and a line of source.
    warnings.warn_explicit(message, category, filename="<siamkeras.data>", lineno=0, registry=_shown)
