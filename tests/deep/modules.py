"""Modules that tests give to nets."""

from __future__ import annotations

import torch
from torch import nn


class Small(nn.Module):
    """A hidden layer, batch norm and dropout."""

    def __init__(self, n_features, n_outputs, hidden=8, dropout=0.0):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_features, hidden),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, n_outputs),
        )

    def forward(self, X):
        return self.layers(X)


class TwoInputs(nn.Module):
    """Numbers and codes, each by its name."""

    def __init__(self, n_outputs):
        super().__init__()
        self.numbers, self.codes = nn.Linear(2, 8), nn.Linear(2, 8)
        self.out = nn.Linear(8, n_outputs)

    def forward(self, wide, narrow):
        return self.out(torch.relu(self.numbers(wide) + self.codes(narrow)))


class Picture(nn.Module):
    """A convolution over (n, 1, 8, 8)."""

    def __init__(self, n_outputs):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 8, 3, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(72, n_outputs)
        )

    def forward(self, X):
        return self.layers(X)
