"""The transcription layer where each frame's best class is all that counts.

With 7,000 classes, writing and reading back the scores of a batch costs more than computing them. Here they
are made for a few hundred frames at a time, which stay in the cache, and only frames whose best class is no
blank, a quarter of them, are turned into probabilities.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ocrpipe.recognizers.crnn.charset import BLANK

_FRAMES = 256


class BestClasses:
    """A CRNN's class layer, asked for winners only.

    Args:
        layer: The network's last layer, D features to C classes.
        temperature: What its scores are divided by.
        dtype: In which products are computed.
    """

    def __init__(
        self, layer: nn.Linear, temperature: float = 1.0, dtype: torch.dtype = torch.float32
    ) -> None:
        weight = torch.cat([layer.weight, layer.bias[:, None]], 1) / temperature
        self._weight = weight.detach().to(dtype).contiguous()

    def best(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Each frame's most probable class and its probability, which is 1 for blanks whatever it is.

        Args:
            features: F×D.

        Returns:
            F labels and F float32 probabilities.
        """
        labels = torch.full((len(features),), BLANK, device=features.device)
        probability = torch.ones(len(features), device=features.device)
        for start in range(0, len(features), _FRAMES):
            scores = self._scores(features[start : start + _FRAMES])
            inked = (scores[BLANK] < scores.amax(0)).nonzero()[:, 0]
            rows = scores.t()[inked].float()
            highest, best = rows.max(1)
            labels[start + inked] = best
            probability[start + inked] = (highest - rows.logsumexp(1)).exp()
        return labels, probability

    def log_probs(self, features: Tensor) -> Tensor:
        """F×C log-probabilities, float32, of F×D features; for few frames."""
        return self._scores(features).t().float().log_softmax(-1)

    def _scores(self, features: Tensor) -> Tensor:
        """C×F: this way round the product is twice as fast, and so is the search for the best."""
        ones = features.new_ones((len(features), 1))
        return self._weight @ torch.cat([features, ones], 1).to(self._weight.dtype).t()
