"""Random changes of images."""

import pytest
import torch

from dovetail.nn.augment import cut_out, mixed, shift_flip


def images(n=200, c=2, h=5, w=7, dtype=torch.uint8):
    return torch.randint(1, 200, (n, c, h, w), generator=torch.Generator().manual_seed(0)).to(dtype)


def seeded():
    return torch.Generator().manual_seed(1)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_a_shift_moves_pixels_and_leaves_zeros(dtype):
    X = images(dtype=dtype)
    padded = torch.nn.functional.pad(X, (2, 2, 2, 2))
    found = set()
    for x, whole in zip(shift_flip(X, 2, generator=seeded()), padded, strict=True):
        places = [
            (i, j)
            for i in range(5)
            for j in range(5)
            if torch.equal(x, whole[:, i : i + 5, j : j + 7])
        ]
        assert places
        found.add(places[0])
    assert len(found) == 25  # every shift in either direction is met
    assert torch.equal(shift_flip(X, 0, generator=seeded()), X)


def test_half_of_the_images_are_mirrored():
    X = images()
    changed = shift_flip(X, 0, flip=True, generator=seeded())
    mirrored = (changed == X.flip(3)).flatten(1).all(1)
    kept = (changed == X).flatten(1).all(1)
    assert (mirrored ^ kept).all()
    assert 70 < mirrored.sum() < 130


def test_a_square_is_filled():
    X = images(h=8, w=8)
    fill = torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1)
    out = cut_out(X, 3, fill, generator=seeded())
    cut = (out == fill).all(1)
    assert (out == X)[~cut[:, None].expand_as(X)].all()
    assert cut.sum((1, 2)).max() == 9
    assert cut.sum((1, 2)).min() < 9  # squares reach over the border
    assert cut.any(0).all()


def test_mixtures_have_mixed_targets():
    X, Y = images(n=16, dtype=torch.float32), torch.eye(16)
    mix, targets = mixed(X, Y, 0.4, generator=seeded())
    torch.testing.assert_close(mix, torch.einsum("nm,mchw->nchw", targets, X))
    torch.testing.assert_close(targets.sum(1), torch.ones(16))
    assert len({round(float(v), 5) for v in targets[targets > 0]}) <= 3  # λ, 1 − λ, or both
