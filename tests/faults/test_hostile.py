"""Files made to run code, to fill the memory or to read other files: each is refused in one line, and nothing ran.

A canary, a file that the hostile code would make, must not exist afterwards. Archives: tests/access/download.
"""

import io
import json
import os
import pickle
import struct
from collections.abc import Callable
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from tests.helpers.keras_files import edit_config, unzipped
from tests.helpers.packing import make_zip
from wildtrack.access.photos.reader import READER_VERSION
from wildtrack.address.artifacts import artifact_files, open_artifacts
from wildtrack.address.gallery.files import gallery_files, read_gallery
from wildtrack.address.matching.local.files import open_keypoints
from wildtrack.address.models.engines import OnnxEngine
from wildtrack.errors import UserError
from wildtrack.storage.files import open_array

HUGE = 1 << 42  # 4 TB
SOAK = bool(os.environ.get("WILDTRACK_SOAK"))


@pytest.fixture
def canary(tmp_path: Path) -> Path:
    return tmp_path / "canary"


@pytest.fixture(autouse=True)
def nothing_ran(canary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    yield
    assert not canary.exists()


class Touch:
    """Pickles to the making of a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch '{self.path}'",)


def refused(open_it: Callable[[], object]) -> str:
    """The one line that a user gets."""
    with pytest.raises(UserError) as caught:
        open_it()
    message = str(caught.value)
    assert "\n" not in message and len(message) < 1000
    return message


def test_code_that_runs_leaves_a_canary(canary: Path) -> None:
    pickle.loads(pickle.dumps(Touch(canary)))
    canary.unlink()


# Keras models


def load(path: Path) -> Any:
    from wildtrack.address.models.network import load_keras_file

    return load_keras_file(path, {})


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_lambda_layer(tmp_path: Path, canary: Path, suffix: str) -> None:
    import keras

    place, photos = str(canary), keras.Input((32, 32, 3))
    touched = keras.layers.Lambda(lambda photos: (open(place, "w"), photos)[1])(photos)  # noqa: PTH123, SIM115
    canary.unlink()  # it ran while the model was built
    features = keras.layers.GlobalAveragePooling2D()(touched)
    keras.Model(photos, keras.layers.Dense(3, activation="softmax")(features)).save(tmp_path / f"evil{suffix}")
    assert "it is made with 'Lambda'" in refused(lambda: load(tmp_path / f"evil{suffix}"))


def named(module: str, class_name: str, config: Any) -> dict[str, Any]:
    return {"module": module, "class_name": class_name, "config": config, "registered_name": None}


def function(module: str, name: str) -> dict[str, Any]:
    return named(module, "function", name)


def called(module: str, class_name: str, args: list[Any], **config: Any) -> dict[str, Any]:
    """A layer of a functional model that is called with these values."""
    layer = named(module, class_name, {"name": "evil", **config})
    return {**layer, "name": "evil", "inbound_nodes": [{"args": args, "kwargs": {}}]}


DOWNLOAD = {"fname": "x", "origin": "file:///etc/passwd", "cache_dir": "CANARY"}
CODE = {"class_name": "__lambda__", "config": {"code": "4wEAAAA=", "defaults": None, "closure": None}}
GADGETS = {
    "os.system": named("os", "system", {"command": "touch CANARY"}),
    "builtins.exec": named("builtins", "exec", {"source": "open('CANARY', 'w')"}),
    "a function of os": function("builtins", "os.system"),
    "subprocess": named("subprocess", "Popen", {"args": ["touch", "CANARY"]}),
    "keras' downloads": named("keras.utils", "get_file", DOWNLOAD),
    "a saved model of TensorFlow": named("keras.layers", "TFSMLayer", {"filepath": "CANARY", "name": "evil"}),
    "a module of Torch": named("keras.layers", "TorchModuleWrapper", {"module": "CANARY", "name": "evil"}),
    "words from a file": named("keras.layers", "StringLookup", {"vocabulary": "/etc/passwd", "name": "evil"}),
    "code in text": named("keras.layers", "Lambda", {"name": "evil", "function": CODE}),
}
PHOTO = {"class_name": "__tensor__", "config": {"value": [[[[9.0, 3.0, 3.0]] * 4] * 4], "dtype": "float32"}}
TRUE = {"class_name": "__tensor__", "config": {"value": True, "dtype": "bool"}}
# what Keras' safe mode lets through: functions of Keras that write, download, or open a TensorFlow model with its code
CALLS = {
    "a saved model of TensorFlow": called(
        "keras.src.ops.core", "Switch", [0, [function("keras.layers", "TFSMLayer")], "CANARY"]
    ),
    "a picture, written anywhere": called(
        "keras.layers", "Lambda", [PHOTO], function=function("keras.visualization", "plot_image_gallery"),
        output_shape=[3], arguments={"path": "CANARY", "rows": 1, "cols": 1},
    ),
    "a download": called(
        "keras.layers", "Lambda", [TRUE], function=function("keras.ops", "cond"), output_shape=[3],
        arguments=dict.fromkeys(("true_fn", "false_fn"), function("keras.datasets.mnist", "load_data")),
    ),
    "a download by an operation": called(
        "keras.src.ops.core", "Cond", [TRUE, *[function("keras.datasets.mnist", "load_data")] * 2]
    ),
    "any function of Keras": called(
        "keras.src.ops.numpy", "Vectorize", [PHOTO], pyfunc=function("keras.utils", "get_file")
    ),
}  # fmt: skip


PLACES = ["layer", "activation", "initializer"] if SOAK else ["activation"]


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize(("name", "place"), [*product(GADGETS, PLACES), *product(CALLS, ["call"])])
def test_a_configuration_that_names_or_calls_code(
    saved_artifacts: Path, tmp_path: Path, canary: Path, suffix: str, name: str, place: str
) -> None:
    path = tmp_path / f"evil{suffix}"
    path.write_bytes((saved_artifacts / f"model{suffix}").read_bytes())
    evil = json.loads(json.dumps((CALLS if place == "call" else GADGETS)[name]).replace("CANARY", str(canary)))

    def edit(config: dict[str, Any]) -> None:
        layers = config["config"]["layers"]
        dense = next(layer for layer in layers if "kernel_initializer" in layer["config"])
        if place == "call":
            layers.append(evil)
        elif place == "layer":
            inbound = layers[1]["inbound_nodes"]
            layers[1] = {**evil, "name": layers[1]["config"]["name"], "inbound_nodes": inbound}
        else:
            dense["config"]["activation" if place == "activation" else "kernel_initializer"] = evil

    edit_config(path, edit)
    assert "it is made with" in refused(lambda: load(path))  # before Keras reads it: else it would be another reason


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5", "metadata.json"])
def test_a_zip_bomb(saved_artifacts: Path, tmp_path: Path, name: str) -> None:
    """A member of 300 MB of zeros, which pack into 1 MB."""
    path = tmp_path / "evil.keras"
    members = unzipped(saved_artifacts / "model.keras")
    make_zip(path, (members | {name: bytes(300_000_000)}).items())
    assert "far more than the file" in refused(lambda: load(path))


def borrowed(name: str, shape: tuple[int, ...], secret: Path, weights: h5py.File) -> None:
    layout = h5py.VirtualLayout(shape, np.float32)
    layout[...] = h5py.VirtualSource(str(secret), "secret", shape)
    weights.create_virtual_dataset(name, layout)


def large(name: str, weights: h5py.File, size: int, chunk: int, **more: Any) -> Any:
    return weights.create_dataset(name, (size,), np.float32, chunks=(chunk,), **more)


# What takes the place of an array: HDF5 file, name and shape of the array, a file to read from.
TRICKS: dict[str, Callable[[h5py.File, str, tuple[int, ...], Path], object]] = {
    "a link to a file": lambda file, name, _, secret: file.update({name: h5py.ExternalLink(str(secret), "secret")}),
    "a link inside": lambda file, name, *_: file.update({name: h5py.SoftLink("/nowhere")}),
    "stored elsewhere": lambda file, name, shape, secret: file.create_dataset(
        name, shape, np.float32, external=[(str(secret), 0, h5py.h5f.UNLIMITED)]
    ),
    "borrowed": lambda file, name, shape, secret: borrowed(name, shape, secret, file),
    "terabytes": lambda file, name, *_: large(name, file, HUGE // 4, 1024),
    "packed zeros": lambda file, name, *_: large(name, file, 1 << 30, 1 << 24, compression="gzip", fillvalue=0.0),
    "many large ones": lambda file, name, *_: [
        large(f"model_weights/w{n}", file, 20_000_000, 1024) for n in range(100)
    ],
}
MODEL_TRICKS = [case for case in product((".keras", ".h5"), TRICKS) if case != (".keras", "many large ones")]


def play(trick: str, path: Path) -> None:
    """Replace the first array in an HDF5 file of weights; a `secret.h5` is next to it."""
    secret, names = path.with_name("secret.h5"), []
    with h5py.File(secret, "w") as file:
        file["secret"] = np.ones((3, 3, 3, 8), np.float32)
    with h5py.File(path, "r+") as file:
        file.visititems(lambda name, node: names.append(name) if isinstance(node, h5py.Dataset) else None)
        first = next(name for name in names if file[name].ndim > 1)
        shape = file[first].shape
        if trick != "many large ones":
            del file[first]
        TRICKS[trick](file, first, shape, secret)


@pytest.mark.parametrize(("suffix", "trick"), MODEL_TRICKS)
def test_weights_that_lie_elsewhere_or_about_their_size(
    saved_artifacts: Path, tmp_path: Path, suffix: str, trick: str
) -> None:
    path, weights = tmp_path / f"evil{suffix}", tmp_path / "weights.h5"
    path.write_bytes((saved_artifacts / path.with_stem("model").name).read_bytes())
    if suffix == ".h5":
        play(trick, path)
    else:
        members = unzipped(path)
        weights.write_bytes(members["model.weights.h5"])
        play(trick, weights)
        make_zip(path, (members | {"model.weights.h5": weights.read_bytes()}).items())
    message = refused(lambda: load(path))
    assert "was not loaded" in message
    assert trick != "many large ones" or "far more than the file" in message


def test_an_array_that_is_listed_a_thousand_times(saved_artifacts: Path, tmp_path: Path) -> None:
    path = tmp_path / "evil.h5"
    path.write_bytes((saved_artifacts / "model.h5").read_bytes())
    with h5py.File(path, "r+") as file:
        group = next(node for node in file["model_weights"].values() if len(node.attrs.get("weight_names", ())))
        group.attrs["weight_names"] = [group.attrs["weight_names"][0]] * 1000
    assert "it lists an array more than once" in refused(lambda: load(path))


@pytest.fixture(scope="module")
def mobilenet_weights(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    import keras

    path = tmp_path_factory.mktemp("weights") / "mobilenet.weights.h5"
    model = keras.applications.MobileNet(alpha=0.25, include_top=False, weights=None, input_shape=(32, 32, 3))
    model.save_weights(path)
    return path.read_bytes()


def refused_weights(path: Path) -> str:
    from wildtrack.address.models.backbones import build_backbone

    return refused(lambda: build_backbone("MobileNet", alpha=0.25, image_size=32, weights=str(path)))


def test_damaged_starting_weights(mobilenet_weights: bytes, tmp_path: Path) -> None:
    path, rng = tmp_path / "damaged.weights.h5", np.random.default_rng(0)
    for _ in range(10):
        damaged = bytearray(mobilenet_weights)
        for place in rng.integers(96, 20_000, 30):
            damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        assert "damaged.weights.h5" in refused_weights(path)


@pytest.mark.parametrize("trick", list(TRICKS)[:-1])
def test_starting_weights_that_lie_elsewhere_or_about_their_size(
    mobilenet_weights: bytes, tmp_path: Path, trick: str
) -> None:
    path = tmp_path / "evil.weights.h5"
    path.write_bytes(mobilenet_weights)
    play(trick, path)
    assert "were not loaded" in refused_weights(path)


# The other files of the artifacts

YAML = {
    "a call": "!!python/object/apply:os.system ['touch canary']",
    "a new object": "!!python/object/new:subprocess.Popen [[touch, canary]]",
    "a module": "data: !!python/module:antigravity",
    "a tag of nobody's": "data: !evil x",
    "a list": "[data, fingerprint]",
    "nothing": "",
    "not text": "\x00\x01",
    "too deep": "[" * 2000,
    "too long": "data: " + "x" * 2_000_000,
    "merge keys": "x0: &x0 {a: 1}\n"
    + "".join(f"x{n}: &x{n} {{<<: [{', '.join([f'*x{n - 1}'] * 10)}]}}\n" for n in range(1, 9)),
    "a bomb of aliases": "a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "".join(f"{name}: &{name} [{', '.join(['*' + before] * 9)}]\n" for before, name in pairwise("abcdefghi")),
    "a list for a folder": "data: [1]\nfingerprint: x",
}
TABLES = {
    "nothing": b"",
    "not text": b"\x00\x01\xff",
    "other columns": b"image_id\n1\n",
    "an open quote": b'a,b\n"1',
    "another encoding": "image_id,identity,path,split,sha256\n\xff".encode("latin1"),
}


def chain(levels: int) -> bytes:
    """The opcodes for tuples in tuples: so many levels are hashed 2 ** levels times."""
    link: Any = ()
    for _ in range(levels):
        link = (link, link)
    return pickle.dumps(link, 2)[2:-1]


def times(opcodes: bytes, count: int) -> bytes:
    return b"\x80\x04(" + opcodes * count + b"l."


FIVE = {"image_size": 32, "embed_dim": 8, "use_l2norm": True, "label2id": {"Ana": 0}, "id2label": {0: "Ana"}}
# More are in tests/address/models/loading/test_plain_pickle.py.
PICKLES: dict[str, Callable[[Path], bytes]] = {
    "reduce": lambda canary: pickle.dumps(Touch(canary)),
    "a key that takes for ever": lambda _: b"\x80\x04}" + chain(60) + b"Ns.",
    "a set that takes for ever": lambda _: b"\x80\x04\x8f(" + chain(60) + b"\x90.",
    "a frozen set": lambda _: pickle.dumps(frozenset({1})),
    "an endless number as a key": lambda _: pickle.dumps({1 << 100_000: 1}),
    "the same long text, encoded again and again": lambda _: (
        b"\x80\x04c_codecs\nencode\nq\x000X" + struct.pack("<I", 1 << 20) + b"x" * (1 << 20) + b"q\x010"
        + times(b"h\x00h\x01\x8c\x06latin1\x86R", 100_000)[2:]
    ),
    "a short text, encoded a million times": lambda _: (
        b"\x80\x04c_codecs\nencode\nq\x000\x8c\x06latin1q\x010X" + struct.pack("<I", 1000) + b"x" * 1000 + b"q\x020"
        + times(b"h\x00h\x02h\x01\x86R", 400_000)[2:]
    ),
    "a number of 6,000 digits": lambda _: pickle.dumps({**FIVE, "image_size": 10**6000}),
    "dimensions of 6,000 digits": lambda _: pickle.dumps({**FIVE, "embed_dim": -(10**6000)}),
    "state for a stand-in": lambda _: b"\x80\x04c_codecs\nencode\nN}\x8c\x0c__defaults__)s\x86b.",
}  # fmt: skip
NO_PREPROCESSOR = ("a number of 6,000 digits", "dimensions of 6,000 digits")  # plain values, of no use


@pytest.mark.parametrize(
    ("file", "name"),
    [
        *(("model_config.yaml", name) for name in YAML),
        *(("split.csv", name) for name in TABLES),
        *(("preprocessor.pkl", name) for name in PICKLES),
    ],
)
def test_a_file_of_the_artifacts(artifacts: Path, canary: Path, file: str, name: str) -> None:
    """The file lies under a manifest with its hash: what somebody may send."""
    if file == "preprocessor.pkl":
        content = PICKLES[name](canary)
    else:
        content = YAML[name].encode() if file == "model_config.yaml" else TABLES[name]
    artifact_files(artifacts).add(file, lambda path: path.write_bytes(content))
    plain = file != "preprocessor.pkl" or name in NO_PREPROCESSOR
    reason = "cannot be used" if plain else "is not a pickle of plain values and was not loaded"
    assert f"{file} {reason}" in refused(lambda: open_artifacts(artifacts))


def onnx_model(path: Path, node: Any, tensor: Any) -> Path:
    photos = helper.make_tensor_value_info("photos", TensorProto.UINT8, [None, 32, 32, 3])
    embedding = helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [None, 8])
    graph = helper.make_graph([node], "evil", [photos], [embedding], [tensor])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, {"fingerprint": "0" * 64})
    path.write_bytes(model.SerializeToString())
    return path


def identity(tensor: Any) -> Any:
    """A node that hands weights on: a product, which ONNX Runtime does not work out beforehand."""
    return helper.make_node("MatMul", [tensor.name, tensor.name], ["embedding"])


def test_a_harmless_onnx_model_of_the_same_making_is_opened(tmp_path: Path) -> None:
    tensor = onnx.numpy_helper.from_array(np.eye(8, dtype=np.float32), "w")
    path = onnx_model(tmp_path / "good.onnx", identity(tensor), tensor)
    answer = OnnxEngine(path).run(np.zeros((1, 32, 32, 3), np.uint8))
    np.testing.assert_array_equal(answer["embedding"], np.eye(8))


def test_onnx_weights_in_another_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(np.eye(8, dtype=np.float32).tobytes())
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[8, 8], data_location=TensorProto.EXTERNAL)
    for place in (str(secret), "secret", "../secret"):
        del tensor.external_data[:]
        tensor.external_data.add(key="location", value=place)
        path = onnx_model(tmp_path / "evil.onnx", identity(tensor), tensor)
        assert "cannot be loaded" in refused(lambda path=path: OnnxEngine(path))  # type: ignore[misc]


def test_onnx_that_asks_for_terabytes(tmp_path: Path) -> None:
    shape = onnx.numpy_helper.from_array(np.array([HUGE // 32, 8]), "shape")
    fill = helper.make_node("ConstantOfShape", ["shape"], ["embedding"])
    path = onnx_model(tmp_path / "evil.onnx", fill, shape)
    assert "evil.onnx" in refused(lambda: OnnxEngine(path).run(np.zeros((1, 32, 32, 3), np.uint8)))


@pytest.mark.parametrize("content", [b"", b"onnx", b"\x08\x09" * 1000, b"\xff" * 1000])
def test_onnx_that_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "evil.onnx").write_bytes(content)
    refused(lambda: OnnxEngine(tmp_path / "evil.onnx"))


# The index


def npy(shape: tuple[int, ...], kind: str = "<f4", content: bytes = bytes(64)) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": kind, "fortran_order": False, "shape": shape})
    return file.getvalue() + content


ARRAYS: dict[str, Callable[[Path], bytes]] = {
    "objects": lambda canary: npy((1,), "|O", pickle.dumps(np.array([Touch(canary)], dtype=object))),
    "terabytes": lambda _: npy((HUGE, 8)),
    "a negative shape": lambda _: npy((-1, 8)),
    "code for a header": lambda canary: (
        b"\x93NUMPY\x01\x00" + struct.pack("<H", 100) + f"open({str(canary)!r}, 'w')".encode().ljust(99) + b"\n"
    ),
    "an archive": lambda canary: make_zip(canary.with_name("a.zip"), [("array.npy", b"")]).read_bytes(),
    "a pickle": lambda canary: pickle.dumps(Touch(canary)),
}


ABOUT = {"fingerprint": "f", "reader": READER_VERSION, "root": ".", "data": ".", "keypoints": ""}
INDEX = {
    "meta.csv": b"image_id,identity,path,bbox,orientation,date,sha256\na,Ana,a.jpg,,,,\n",
    "index.faiss": b"IxFI" + struct.pack("<iqqq", 8, HUGE, HUGE, HUGE),
}


def refused_index(folder: Path, embeddings: bytes) -> str:
    def write(staging: Path) -> None:
        for each, content in {**INDEX, "embeddings.npy": embeddings}.items():
            (staging / each).write_bytes(content)

    gallery_files(folder).replace(write, ABOUT)
    return refused(lambda: read_gallery(folder, "f", 8))


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays(tmp_path: Path, canary: Path, name: str) -> None:
    assert "the index in" in refused_index(tmp_path / "a", ARRAYS[name](canary))
    for array in ("photos", "places", "descriptors", "centres", "members"):
        (tmp_path / f"keypoint_{array}.npy").write_bytes(ARRAYS[name](canary))
    with pytest.raises((OSError, ValueError, EOFError)):
        open_keypoints(tmp_path)
    with pytest.raises((OSError, ValueError, EOFError)):
        open_array(tmp_path / "keypoint_photos.npy")


def test_a_faiss_header_that_claims_terabytes_is_refused(tmp_path: Path) -> None:
    embeddings = npy((1, 8), content=np.full(8, 8**-0.5, np.float32).tobytes())
    assert "index.faiss is no index of 1 photos" in refused_index(tmp_path / "a", embeddings)
