"""Sequences of OTB and VOT: read from a folder, or replaced by synthetic videos with a warning."""

import sys

import pytest
from PIL import Image

from siamkeras import data
from siamkeras.applications import tracking

FRAMES = sys.modules["siamkeras.applications.tracking.sequences"].FRAMES


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("SIAMKERAS_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "data" / "tracking" / "OTB"


def write_sequence(folder, boxes):
    (folder / "img").mkdir(parents=True)
    for number in range(3):
        Image.new("RGB", (64, 48), (number, 0, 0)).save(folder / "img" / f"{number + 1:04d}.png")
    (folder / "groundtruth_rect.txt").write_text("5\t4\t10\t8\n" * boxes)


def test_sequences_are_read_in_the_order_of_the_names(folder, monkeypatch):
    """Diving has frames without boxes at its end, which the benchmark does not use."""
    assert FRAMES == {"Diving": 215}
    monkeypatch.setitem(FRAMES, "Diving", 2)
    write_sequence(folder / "Diving", boxes=2)
    write_sequence(folder / "Crossing", boxes=3)
    diving, crossing = tracking.sequences(["Diving", "Crossing"])
    assert (diving.name, len(diving), len(crossing)) == ("Diving", 2, 3)
    assert crossing.source == "OTB, sequence Crossing"


def test_jogging_has_two_targets_and_bag_is_a_sequence_of_vot_with_rotated_boxes(folder):
    """Corners (3, 2), (7, 4), (5, 8), (1, 6), with the middle of the first pixel at 1: the box starts at (0.5, 1.5)."""
    write_sequence(folder / "Jogging", boxes=3)
    for target in (1, 2):
        (folder / "Jogging" / f"groundtruth_rect.{target}.txt").write_text(f"{target}\t4\t10\t8\n" * 3)
    write_sequence(folder.parent / "VOT" / "bag", boxes=3)
    (folder.parent / "VOT" / "bag" / "groundtruth.txt").write_text("3,2,7,4,5,8,1,6\n" * 3)
    first, second, bag = tracking.sequences(["Jogging-1", "Jogging-2", "bag"])
    assert (first.name, second.name, bag.source) == ("Jogging-1", "Jogging-2", "VOT, sequence bag")
    assert [video.boxes[0].tolist() for video in (first, second)] == [[0, 3, 10, 8], [1, 3, 10, 8]]
    assert bag.boxes[2].tolist() == [0.5, 1.5, 6, 6]


def test_a_missing_sequence_is_replaced_by_a_synthetic_video_with_a_warning(folder):
    write_sequence(folder / "Crossing", boxes=3)
    with pytest.raises(ConnectionError, match="OTB sequence Diving .*tracking/OTB/Diving"):
        tracking.sequences(source="real")
    with pytest.warns(data.StandInWarning, match="synthetic videos instead"):
        videos = tracking.sequences()
    assert [video.name for video in videos] == ["Crossing", "Diving"]
    assert videos[1].source == "synthetic video standing in for Diving of OTB"


def test_an_incomplete_sequence_raises_instead_of_being_replaced(folder):
    write_sequence(folder / "Crossing", boxes=2)
    (folder / "Diving").mkdir()
    for name, reason in (("Crossing", "3 frames and 2 boxes"), ("Diving", "No such file or directory")):
        with pytest.raises(OSError, match=f"OTB sequence {name} in .*{name} is damaged: .*{reason}"):
            tracking.sequences([name])


def test_one_name_without_a_list_is_rejected():
    with pytest.raises(ValueError, match="`names` must be a list"):
        tracking.sequences("Crossing")
