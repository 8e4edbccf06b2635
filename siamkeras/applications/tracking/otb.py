"""Sequences of the object tracking benchmark OTB."""

from siamkeras._validation import plain
from siamkeras.applications.tracking.synthetic import synthetic_videos
from siamkeras.applications.tracking.video import Video, video_folder
from siamkeras.data import _sources

URL = "http://cvlab.hanyang.ac.kr/tracker_benchmark"
# Frames used by the benchmark where a sequence has more frames than boxes.
FRAMES = {"Diving": 215}


def otb(names=("Crossing", "Diving"), source="auto"):
    """Sequences of the tracking benchmark OTB (Wu, Lim and Yang, 2013 and 2015).

    They cannot be downloaded automatically. Each sequence is looked up as a folder `tracking/OTB/<name>/` below
    `SIAMKERAS_DATA`, then below `~/.cache/siamkeras`, in the layout of `video_folder`. As in the benchmark, Diving has
    its first 215 frames only.

    Args:
        names: Names of sequences, a list.
        source: `"auto"`: the sequences, or synthetic videos with these names and a `StandInWarning` if one is missing.
            `"real"`: the sequences, or an error. `"synthetic"`: synthetic videos.

    Returns:
        A list of `Video`, in the order of `names`.

    Raises:
        ConnectionError: `source="real"`, and a sequence is not on this machine.
        OSError: a sequence is incomplete or damaged.

    Reference: https://doi.org/10.1109/TPAMI.2014.2388226
    """
    if isinstance(names, str):
        raise ValueError(f"`names` must be a list such as ['Crossing']. Received: {plain(names)!r}.")

    def stand_in():
        return [
            Video(video.frames, video.boxes, name, f"synthetic video standing in for {name} of OTB")
            for name, video in zip(names, synthetic_videos(len(names)), strict=True)
        ]

    return _sources.real_or_stand_in(source, lambda: [_read(name) for name in names], stand_in, "synthetic videos")


def _read(name):
    folder = _sources.find("tracking", "OTB", name)
    if folder is None:
        raise _sources.manual_download_error(f"The OTB sequence {name}", URL, "tracking", "OTB", name)
    with _sources.reading(f"the OTB sequence {name}", folder):
        video = video_folder(folder, FRAMES.get(name))
    return Video(video.frames, video.boxes, name, f"OTB (Wu et al.), sequence {name}")
