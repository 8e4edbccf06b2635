"""Sequences of the object tracking benchmarks OTB and VOT."""

from siamkeras._validation import plain
from siamkeras.applications.tracking.synthetic import synthetic_videos
from siamkeras.applications.tracking.video import Video, video_folder
from siamkeras.data import _sources

URLS = {"OTB": "http://cvlab.hanyang.ac.kr/tracker_benchmark", "VOT": "https://www.votchallenge.net"}
# Benchmark, folder and annotation of sequences that do not have those of OTB: (OTB, name, groundtruth_rect.txt).
LAYOUTS = {
    "Jogging-1": ("OTB", "Jogging", "groundtruth_rect.1.txt"),
    "Jogging-2": ("OTB", "Jogging", "groundtruth_rect.2.txt"),
    "bag": ("VOT", "bag", "groundtruth.txt"),
}
# Frames used by the benchmark where a sequence has more frames than boxes.
FRAMES = {"Diving": 215}


def sequences(names=("Crossing", "Diving"), source="auto"):
    """Sequences of the tracking benchmarks OTB (Wu, Lim and Yang, 2013 and 2015) and VOT.

    They cannot be downloaded automatically. Each sequence is looked up as a folder `tracking/OTB/<name>/` below
    `SIAMKERAS_DATA`, then below `~/.cache/siamkeras`, in the layout of `video_folder`. As in the benchmark, "Jogging-1"
    and "Jogging-2" are the two targets of the folder Jogging, and Diving has its first 215 frames only. "bag" is the
    sequence of VOT 2015, in `tracking/VOT/bag/`.

    Args:
        names: Names of sequences, a list.
        source: `"auto"`: the sequences, or synthetic videos with these names and a `StandInWarning` if one is missing.
            `"real"`: the sequences, or an error. `"synthetic"`: synthetic videos.

    Returns:
        A list of `Video`, in the order of `names`.

    Raises:
        ConnectionError: `source="real"`, and a sequence is not on this machine.
        OSError: a sequence is incomplete or damaged.

    Reference: https://doi.org/10.1109/TPAMI.2014.2388226, https://doi.org/10.1109/ICCVW.2015.79
    """
    if isinstance(names, str):
        raise ValueError(f"`names` must be a list such as ['Crossing']. Received: {plain(names)!r}.")

    def stand_in():
        return [
            Video(video.frames, video.boxes, name, f"synthetic video standing in for {name} of {_layout(name)[0]}")
            for name, video in zip(names, synthetic_videos(len(names)), strict=True)
        ]

    return _sources.real_or_stand_in(source, lambda: [_read(name) for name in names], stand_in, "synthetic videos")


def _layout(name):
    return LAYOUTS.get(name, ("OTB", name, "groundtruth_rect.txt"))


def _read(name):
    benchmark, folder_name, annotation = _layout(name)
    parts = "tracking", benchmark, folder_name
    folder = _sources.find(*parts)
    if folder is None:
        raise _sources.manual_download_error(f"The {benchmark} sequence {name}", URLS[benchmark], *parts)
    with _sources.reading(f"the {benchmark} sequence {name}", folder):
        video = video_folder(folder, FRAMES.get(name), annotation)
    return Video(video.frames, video.boxes, name, f"{benchmark}, sequence {name}")
