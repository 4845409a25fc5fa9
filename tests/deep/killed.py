"""A training that a test kills: python -m tests.deep.killed CHECKPOINT."""

import sys
import time

from dovetail.deep import NetClassifier
from tests.deep.data import BENIGN, CANCER
from tests.deep.modules import Small

PAUSE = 0.0


class Slow(Small):
    """Small, with time to be killed in."""

    def forward(self, X):
        time.sleep(PAUSE)
        return super().forward(X)


def trained(checkpoint):
    """A net whose training draws at random wherever it can, and keeps its state after each
    batch.
    """
    model = NetClassifier(
        Slow, module__dropout=0.2, max_epochs=8, checkpoint=checkpoint, checkpoint_minutes=1e-9,
        resume=True, schedule="cosine", ema=0.9, early_stopping=True, n_iter_no_change=20,
        random_state=7,
    )  # fmt: skip
    return model.fit(CANCER, BENIGN)


if __name__ == "__main__":
    PAUSE = 0.01
    trained(sys.argv[1])
