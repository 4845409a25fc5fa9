"""What all tests share."""

import dovetail  # noqa: F401  # isort: skip  # before torch: it says how long threads spin

import os
from pathlib import Path

import pytest
import torch

# Large data sets that are not shipped with the project lie in the folder this variable names.
DATA = os.environ.get("DOVETAIL_TEST_DATA")

DEVICES = ["cpu", "cuda"]


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> torch.device:
    """Every device there is; the others are skipped with the reason."""
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("this machine has no CUDA device")
    return torch.device(request.param)


@pytest.fixture
def large_data():
    """The path of a large data set by its file name; the test is skipped where it is absent."""

    def find(name: str) -> Path:
        folders = [Path(DATA)] if DATA else [Path(__file__).parents[2] / "shared" / "data"]
        path = folders[0] / name
        if not path.exists():
            pytest.skip(f"{name} is not here; set DOVETAIL_TEST_DATA to a folder that has it")
        return path

    return find


@pytest.fixture(autouse=True)
def _doctest_folder(request: pytest.FixtureRequest) -> None:
    """Gives doctests a `tmp_path` to write to."""
    if isinstance(request.node, pytest.DoctestItem):
        request.getfixturevalue("doctest_namespace")["tmp_path"] = request.getfixturevalue(
            "tmp_path"
        )
