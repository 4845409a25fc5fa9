"""config() sets at once, restores at the end of a block, and refuses what does not exist."""

import pytest
import torch

import dovetail as dv
from dovetail.errors import DeviceError


def test_a_block_restores_what_was_before() -> None:
    before = dv.config.current()
    with dv.config(dtype="float32", verbosity=0):
        assert dv.config.current().dtype is torch.float32
        with dv.config(verbosity=2):
            assert dv.config.current().dtype is torch.float32
            assert dv.config.current().verbosity == 2
        assert dv.config.current().verbosity == 0
    assert dv.config.current() == before


def test_threads_are_torchs() -> None:
    before = torch.get_num_threads()
    with dv.config(threads=1):
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("dtype", "float128", "'float32', 'float64' or None"),
        ("threads", 0, "from 1 to"),
        ("verbosity", None, "from 0 to 2"),
        ("sharding", "always", "True, False or 'auto'"),
        ("time_budget", -1, "positive number of seconds"),
    ],
)
def test_wrong_values_are_refused(setting: str, value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dv.config(**{setting: value})


def test_unknown_settings_and_devices_are_refused() -> None:
    with pytest.raises(TypeError, match=r"no setting 'devise'.*device"):
        dv.config(devise="cpu")
    with pytest.raises(DeviceError, match="not a device"):
        dv.config(device="toaster")
    if not torch.accelerator.is_available():
        with pytest.raises(DeviceError, match="device='auto'"):
            dv.config(device="cuda")
    with dv.config(device="auto"):
        assert dv.config.current().device is not None
