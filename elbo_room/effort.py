"""How much work may be done: by the training of one guide, `Fit`, and by a whole run, `Budget`."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Fit:
    """How a guide is trained: Adam on the ELBO in rounds, the learning rate falling in each.

    Training ends when the last doubling of the steps has gained hardly anything, only noise, or little of the
    room that is left; a learning rate that has fallen behind ends before.

    Attributes:
        min_steps: gradient steps for each seed and each learning rate, after which it is first
            asked whether the fit is done.
        max_steps: the budget; a fit that is not done by then is not converged.
        num_particles: draws of the guide behind each step's gradient.
        learning_rates: the highest rates of a round that are tried. The one whose fits reach the
            best ELBO on fresh draws is kept.
        precondition: whether a pilot rescales the posterior first, by the best Gaussian that it finds. It costs
            some climbs, their Hessians, and some hundred steps of natural gradient.
        path_gradient: whether the gradient flows through the draws alone. Less noise near q = p;
            the guide's density must be cheap at any point.
        single_precision: whether the guide and the optimiser are in single precision while it is trained.
            Networks are faster, and as good. The log joint stays in double, as does all that is
            reported. For a guide that is a distribution of the whole unconstrained vector.
        natural_gradient: whether one of NumPyro's Gaussian guides is fitted by natural gradient in the place
            of Adam, where the posterior has at most 500 coordinates and no plate that draws a minibatch. Then
            rates and particles are not asked for, and a step takes the place of 25.
    """

    min_steps: int = 5_000
    max_steps: int = 20_000
    num_particles: int = 16
    learning_rates: tuple[float, ...] = (3e-3, 1e-2, 3e-2)
    precondition: bool = True
    path_gradient: bool = False
    single_precision: bool = False
    natural_gradient: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "learning_rates", tuple(self.learning_rates))


@dataclass(frozen=True)
class Budget:
    """How much work a run may do.

    Attributes:
        step_factor: on every `Fit.min_steps` and `Fit.max_steps`.
        max_seeds: at most so many seeds.
        num_rates: at most so many learning rates, the largest: short fits need long steps.
        num_draws: fresh draws of each fitted guide behind every estimate.
        num_reference: effective draws that a reference is to have, for each coordinate.
        num_warmup: warm-up steps of each NUTS chain.
        num_annealing: gradients of the log joint behind the room that is certain, of one fit of a pair.
    """

    name: str
    step_factor: float
    max_seeds: int
    num_rates: int
    num_draws: int = 10_000
    num_reference: int = 4_000
    num_warmup: int = 1_000
    num_annealing: int = 200_000

    def fit(self, fit: Fit) -> Fit:
        """`fit` as this budget allows it."""
        rates = sorted(fit.learning_rates)[-self.num_rates :]
        steps, most = (max(1, round(n * self.step_factor)) for n in (fit.min_steps, fit.max_steps))
        return replace(fit, min_steps=steps, max_steps=most, learning_rates=tuple(rates))


BUDGETS = {
    budget.name: budget
    for budget in (
        Budget(
            "smoke",
            step_factor=0.2,
            max_seeds=2,
            num_rates=2,
            num_reference=1_000,
            num_warmup=500,
            num_annealing=50_000,
        ),
        Budget("default", step_factor=1.0, max_seeds=5, num_rates=3),
        Budget(
            "full",
            step_factor=4.0,
            max_seeds=10,
            num_rates=3,
            num_draws=40_000,
            num_reference=20_000,
            num_annealing=800_000,
        ),
    )
}
