"""Data that nets are tested on, and a comparison of their numbers."""

import numpy as np
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris
from sklearn.preprocessing import scale

IRIS, SPECIES = load_iris(return_X_y=True)
IRIS = scale(IRIS)
NAMES = np.array(["setosa", "versicolor", "virginica"])[SPECIES]
CANCER, BENIGN = load_breast_cancer(return_X_y=True)
CANCER = scale(CANCER)
PATIENTS, PROGRESS = (scale(a) for a in load_diabetes(return_X_y=True))
DIGITS, LABELS = load_digits(return_X_y=True)
PICTURES = (DIGITS / 16).reshape(-1, 1, 8, 8).astype(np.float32)


def state_of(model):
    return model.program_.module.state_dict()


def assert_same_numbers(a, b, **close):
    for name, value in state_of(a).items():
        torch.testing.assert_close(value, state_of(b)[name], **(close or {"rtol": 0, "atol": 0}))
