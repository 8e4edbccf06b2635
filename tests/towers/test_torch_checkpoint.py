"""The reader of PyTorch checkpoints accepts tensors and runs no code from a file."""

import pickle

import numpy as np
import pytest

from siamkeras.towers._torch_checkpoint import read_tensors

HEADER = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}]


def value(x):
    """The pickle instructions that create a plain value."""
    return pickle.dumps(x, 2)[2:-1]


def tensor(kind, key, count, offset, shape, strides):
    """The pickle instructions that create a tensor, as PyTorch writes them."""
    storage = b"(" + value("storage") + f"ctorch\n{kind}\n".encode() + value(key) + value("cpu") + value(count) + b"NtQ"
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + value(offset) + value(shape) + value(strides) + b"NNtR"


def checkpoint(tensors, storages):
    """The content of a checkpoint; `tensors` are `{name: instructions}` in an OrderedDict with an attribute."""
    items = b"".join(value(name) + each for name, each in tensors.items())
    state = b"\x80\x02ccollections\nOrderedDict\n)R(" + items + b"u}" + value("_metadata") + value({"": 1}) + b"sb."
    pickles = [*(pickle.dumps(each, 2) for each in HEADER), state, pickle.dumps(sorted(storages), 2)]
    values = [len(storages[key]).to_bytes(8, "little") + storages[key].tobytes() for key in sorted(storages)]
    return b"".join(pickles + values)


FLOATS, INTEGERS = np.arange(10, dtype="<f4") / 4, np.array([7], "<i8")
STORAGES = {"a": FLOATS, "b": INTEGERS}
TENSORS = {
    "matrix": tensor("FloatStorage", "a", 10, 0, (2, 3), (3, 1)),
    "transposed": tensor("FloatStorage", "a", 10, 4, (3, 2), (1, 3)),  # the same values from the fifth on
    "steps": tensor("LongStorage", "b", 1, 0, (), ()),
}


def test_tensors_are_read_with_their_names_shapes_and_strides(tmp_path):
    path = tmp_path / "network.pth"
    path.write_bytes(checkpoint(TENSORS, STORAGES))
    found = read_tensors(path)
    assert list(found) == list(TENSORS)
    np.testing.assert_array_equal(found["matrix"], FLOATS[:6].reshape(2, 3))
    np.testing.assert_array_equal(found["transposed"], FLOATS[4:].reshape(2, 3).T)
    assert (found["steps"].shape, int(found["steps"]), found["matrix"].dtype) == ((), 7, np.float32)


class Malicious:
    """Unpickling an instance creates a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (self.path, "w")


def test_code_in_a_checkpoint_is_reported_and_not_run(tmp_path):
    path, victim = tmp_path / "network.pth", tmp_path / "victim"
    with pickle.loads(pickle.dumps(Malicious(str(victim)))):
        assert victim.exists()
    victim.unlink()
    attack = value(Malicious(str(victim)))
    good, prefix = checkpoint(TENSORS, STORAGES), len(pickle.dumps(HEADER[0], 2))
    for content in (
        b"\x80\x02" + attack + b".",
        good[:prefix] + b"\x80\x02" + attack + b"." + good[prefix:],
        checkpoint(TENSORS | {"other": attack}, STORAGES),
    ):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="network.pth cannot be read: .* it contains .*open, which is not part of"):
            read_tensors(path)
    assert not victim.exists()


@pytest.mark.parametrize("name", ["os.system", "torch.load", "torch.DoubleStorage", "torch._utils._rebuild_parameter"])
def test_other_names_are_refused(name, tmp_path):
    path, (module, _, attribute) = tmp_path / "network.pth", name.rpartition(".")
    path.write_bytes(checkpoint({"other": f"c{module}\n{attribute}\n".encode()}, {}))
    with pytest.raises(ValueError, match=f"it contains {name}, which is not part of a tensor"):
        read_tensors(path)


def test_a_checkpoint_cut_off_anywhere_raises(tmp_path):
    path, content = tmp_path / "network.pth", checkpoint(TENSORS, STORAGES)
    for end in range(len(content)):
        path.write_bytes(content[:end])
        with pytest.raises(ValueError, match="cannot be read"):
            read_tensors(path)


@pytest.mark.parametrize(
    "content, message",
    [
        (b"PK\x03\x04" + bytes(60), "saved by PyTorch in its format before version 1.6"),
        (checkpoint({}, {}).replace(b"M\xe9\x03", b"M\xea\x03"), "unknown header"),
        (checkpoint({"weight": tensor("FloatStorage", "a", 10, 5, (2, 3), (3, 1))}, STORAGES), "cannot be read"),
        (checkpoint({"weight": tensor("FloatStorage", "a", 10, 0, (2,), (10**9,))}, STORAGES), "cannot be read"),
        (checkpoint({"weight": tensor("FloatStorage", "a", 10, 4, (3,), (-4,))}, STORAGES), "cannot be read"),
        (checkpoint({"weight": value([1, 2])}, STORAGES), "cannot be read"),
    ],
)
def test_other_formats_and_positions_outside_a_storage_raise(content, message, tmp_path):
    path = tmp_path / "network.pth"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_tensors(path)


def test_a_missing_file_is_reported_as_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_tensors(tmp_path / "network.pth")
