"""Images from arrays, tensors, rows and files."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
import torch
from PIL import Image

from dovetail.data.images import common_size, image_files, read_images, read_pixels, to_array
from dovetail.deep import ImageClassifier
from dovetail.errors import DataError

RANDOM = np.random.default_rng(0)
GRAY = RANDOM.integers(0, 256, (5, 6, 8), dtype=np.uint8)
COLOR = RANDOM.integers(0, 256, (5, 6, 8, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("X", "order", "shape"),
    [
        (GRAY, "hw", (1, 6, 8)),
        (COLOR, "hwc", (3, 6, 8)),
        (COLOR.transpose(0, 3, 1, 2), "chw", (3, 6, 8)),
        (torch.from_numpy(COLOR.transpose(0, 3, 1, 2)), "chw", (3, 6, 8)),
        (GRAY / 255, "hw", (1, 6, 8)),
        (list(GRAY), "hw", (1, 6, 8)),
        (np.zeros((4, 3, 9, 3), np.uint8), "hwc", (3, 3, 9)),
        (torch.zeros(4, 3, 9, 3), "chw", (3, 9, 3)),
    ],
    ids=str,
)
def test_axes_are_recognized_and_given_back(X, order, shape):
    images = read_pixels(X)
    assert images.layout.order == order
    assert tuple(images.values.shape) == (len(X), *shape) == (len(X), *images.layout.shape)
    np.testing.assert_array_equal(to_array(images), np.asarray(X))


def test_whole_numbers_become_bytes():
    assert read_pixels(GRAY.astype(int)).values.dtype == torch.uint8
    assert read_pixels(GRAY.astype(int) - 1).values.dtype == torch.float32
    assert read_pixels(GRAY > 7).values.dtype == torch.uint8
    assert read_pixels(GRAY / 255).values.dtype == torch.float64
    assert read_pixels(GRAY).values.data_ptr() == GRAY.ctypes.data  # no copy


@pytest.mark.parametrize(("X", "axes"), [(GRAY, (6, 8)), (COLOR, (6, 8, 3))])
def test_rows_are_images_of_a_shape_that_is_said(X, axes):
    flat = read_pixels(X.reshape(5, -1), axes=axes)
    assert torch.equal(flat.values, read_pixels(X).values)
    np.testing.assert_array_equal(to_array(flat), X.reshape(5, -1))


@pytest.mark.parametrize(
    ("X", "options", "words"),
    [
        (np.zeros((5, 64)), {}, r"may be images of \(8, 8\)"),
        (np.zeros((5, 64)), {"axes": (7, 8)}, "an image of image_shape=.* has 56"),
        (np.zeros((5, 8, 8, 7)), {}, "no axis of"),
        (np.zeros((5, 8)).astype(str), {}, "arrays of numbers, paths, or a folder"),
        (np.zeros((0, 8, 8)), {}, "no images"),
        (np.full((5, 8, 8), np.nan), {}, "NaN"),
        (np.zeros((5, 1, 1, 8, 8)), {}, "Images have the shape"),
        ([np.zeros((8, 8)), np.zeros((9, 8))], {}, r"\(8, 8\), another \(9, 8\). Set size="),
    ],
    ids=str,
)
def test_what_is_no_image(X, options, words):
    with pytest.raises(DataError, match=words):
        read_pixels(X, **options)


def test_any_number_of_channels_where_their_axis_is_said():
    X = np.zeros((2, 8, 9, 7))
    assert read_pixels(X, channels="last").values.shape == (2, 7, 8, 9)
    assert read_pixels(X, channels="first").values.shape == (2, 8, 9, 7)


def test_unequal_sizes_are_resized_where_a_size_is_said():
    half = GRAY[0, ::2, ::2]
    images = read_pixels([GRAY[0], half], size=(6, 8))
    assert images.values.shape == (2, 1, 6, 8)
    assert torch.equal(images.values[0, 0], torch.from_numpy(GRAY[0]))
    small = read_pixels(COLOR, size=(3, 4)).values.float()
    assert abs(small.mean() - COLOR.mean()) < 5


@pytest.fixture
def folder(tmp_path):
    for i, image in enumerate(GRAY):
        place = tmp_path / ("odd" if i % 2 else "even")
        place.mkdir(exist_ok=True)
        Image.fromarray(image).save(place / f"{i}.png")
    (tmp_path / "even" / "notes.txt").write_text("no image")
    return tmp_path


def test_a_folder_of_class_folders(folder):
    files, labels = image_files(folder)
    assert [f.name for f in files] == ["0.png", "2.png", "4.png", "1.png", "3.png"]
    assert labels.tolist() == ["even"] * 3 + ["odd"] * 2
    images = read_images(files, None)
    np.testing.assert_array_equal(to_array(images), GRAY[[0, 2, 4, 1, 3]])
    assert image_files(folder / "odd")[1] is None
    assert image_files([str(f) for f in files]) == (files, None)
    assert image_files(GRAY) is None


def test_files_in_color_and_of_other_sizes(folder):
    Image.fromarray(COLOR[0]).save(folder / "odd" / "color.png")
    files, _ = image_files(folder)
    images = read_images(files, None)
    assert images.layout.shape == (3, 6, 8)
    np.testing.assert_array_equal(to_array(images)[-1], COLOR[0])
    gray = read_images(files, None, like=read_pixels(GRAY).layout)
    assert gray.layout.shape == (1, 6, 8)
    Image.fromarray(COLOR[0][:5]).save(folder / "odd" / "other.png")
    files, _ = image_files(folder)
    with pytest.raises(DataError, match=r"6 × 8 pixels, .*other.png has 5 × 8.*Set size="):
        read_images(files, None)
    assert read_images(files, (4, 4)).values.shape == (7, 3, 4, 4)


def test_what_cannot_be_read(folder):
    with pytest.raises(DataError, match="does not exist"):
        image_files(folder / "absent")
    with pytest.raises(DataError, match="give a list of paths"):
        image_files(folder / "even" / "0.png")
    (folder / "none").mkdir()
    with pytest.raises(DataError, match="no images in"):
        image_files(folder / "none")
    broken = folder / "broken.png"
    broken.write_bytes(b"not a picture")
    with pytest.raises(DataError, match="broken.png cannot be read as an image"):
        read_images([broken], None)
    with pytest.raises(DataError, match=r"gone.png does not exist"):
        read_images([folder / "gone.png"], None)
    Image.fromarray(GRAY[0].astype(np.uint16)).save(folder / "deep.png")
    with pytest.raises(DataError, match="more than 8 bits"):
        read_images([folder / "deep.png"], None)


def test_more_than_fits_into_memory_is_decoded_into_a_file(folder, monkeypatch):
    files = image_files(folder)[0]
    expected = read_images(files, (6, 6)).values
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=10))
    found = read_images(files, (6, 6)).values
    assert torch.equal(found, expected)
    net = ImageClassifier(width=4, max_epochs=1, size=6, random_state=0)
    assert net.fit(folder).predict(folder).shape == (len(files),)


def test_a_size_is_chosen_where_files_have_several(tmp_path):
    for i, (width, height) in enumerate([(10, 20), (12, 20), (12, 24)]):
        Image.fromarray(np.full((height, width), 9 * i, np.uint8)).save(tmp_path / f"{i}.png")
    files = sorted(tmp_path.glob("*.png"))
    assert common_size(files, 96) == (20, 12)
    assert common_size(files, 10) == (10, 6)
    assert common_size(files[:1] * 2, 10) is None
    net = ImageClassifier(width=4, max_epochs=1, size="auto", random_state=0)
    net.fit([str(f) for f in files], [0, 1, 0])
    assert net.n_features_in_ == 240
    assert net.predict(pa.table({"file": list(map(str, files))})).shape == (3,)
    with pytest.raises(DataError, match="Row 1 of 'file' names no image file"):
        net.predict(pa.table({"file": [str(files[0]), None]}))
