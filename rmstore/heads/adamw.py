"""AdamW over parameters whose first axis is the ensemble member."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


class AdamW:
    """AdamW (arXiv 1711.05101), each member at its own rate where the course says so.

    ``torch.optim`` would import the compiler on its first step, which takes longer than many a fit. A step works in
    place on the gradient: for wide layers fresh memory costs as much as the arithmetic.
    """

    BETAS, EPSILON = (0.9, 0.999), 1e-8

    def __init__(self, parameters: Sequence[Tensor], rates: Sequence[float], decays: Sequence[float]) -> None:
        """Start at rest.

        Args:
            parameters: what to move, the first axis being the member; one that requires no gradient stays.
            rates: learning rate per member.
            decays: decoupled weight decay per member.
        """
        import torch

        self._parts = [part for part in parameters if part.requires_grad]
        self._moments = [(torch.zeros_like(part), torch.zeros_like(part)) for part in self._parts]
        pairs = list(zip(rates, decays, strict=True))
        self._rates: list[tuple[slice, float, float]] = [
            (slice(member, member + 1), rate, decay) for member, (rate, decay) in enumerate(pairs)
        ]
        if len(set(pairs)) == 1:
            self._rates = [(slice(None), *pairs[0])]
        self._steps = 0

    def step(self, share: float) -> None:
        """Take one step at a share of the rate and forget the gradients."""
        import torch

        self._steps += 1
        first, second = self.BETAS
        root = (1 - second**self._steps) ** 0.5
        gain = share * root / (1 - first**self._steps)
        with torch.no_grad():
            for part, (mean, square) in zip(self._parts, self._moments, strict=True):
                gradient, part.grad = part.grad, None
                if gradient is None:
                    continue
                mean.lerp_(gradient, 1 - first)
                square.lerp_(gradient.square_(), 1 - second)
                spread = torch.sqrt(square, out=gradient).add_(self.EPSILON * root)
                for at, rate, decay in self._rates:
                    if decay:
                        part[at].mul_(1 - share * rate * decay)
                    part[at].addcdiv_(mean[at], spread[at], value=-gain * rate)
