"""The two terms of a loss against each other: the effective β and the effective variance."""

from collections.abc import Iterator
from dataclasses import dataclass

from scratchvae.checks.doctor.finding import Finding, note, passed
from scratchvae.checks.doctor.kl_term import KLTerm
from scratchvae.checks.doctor.patient import Patient
from scratchvae.checks.doctor.probing import Sizes
from scratchvae.checks.doctor.reconstruction_term import ReconstructionTerm

_SAME = 0.01  # weights that differ by less are the same: float32, and constants that people round
_USUAL_BATCH = 128


@dataclass(frozen=True)
class Balance:
    """The weights of both terms, on the sum over an image, beside what the user says."""

    sizes: Sizes
    kl: KLTerm
    reconstruction: ReconstructionTerm
    beta: float
    variance: float | None

    @property
    def right(self) -> float:
        """The reconstruction formula's factor in nats: 1, or 1/(2 variance) of a squared error."""
        return 1 / (2 * (self.variance or 1.0)) if self.reconstruction.gaussian else 1.0

    @property
    def factor(self) -> float:
        """What the reconstruction is multiplied by, per image and beside nats."""
        return self.reconstruction.weight.per_image / self.right

    @property
    def effective_beta(self) -> float:
        """The β of the loss divided by what multiplies its negative log-likelihood."""
        return self.kl.weight.per_image / self.factor

    @property
    def same_batch(self) -> bool:
        """Whether both are summed, or both averaged, over the batch."""
        return abs(self.kl.weight.exponent - self.reconstruction.weight.exponent) < 0.1

    @property
    def implied_variance(self) -> float:
        """The variance of the Gaussian with which the loss is that of the stated β."""
        return self.kl.weight.per_image / self.beta / (2 * self.reconstruction.weight.per_image)


def weigh(
    patient: Patient, sizes: Sizes, kl: KLTerm, term: ReconstructionTerm
) -> Iterator[Finding]:
    """Yield what the weights of the two terms make of the bound."""
    balance = Balance(sizes, kl, term, patient.said.beta, patient.said.variance)
    evidence = _evidence(balance)
    if not balance.same_batch:
        yield _different_batches(balance, evidence)
    elif _same(balance.effective_beta, balance.beta):
        yield passed("effective beta", f"β is {balance.effective_beta:.4g}, as stated", evidence)
    elif balance.reconstruction.gaussian and balance.variance is None and _is_half(balance):
        yield note(
            "effective variance",
            "a squared error without its ½ is a Gaussian of variance 0.5, or a β of 0.5",
            evidence,
            "nothing if that is meant; say variance=0.5, or put ½ before the squared error",
        )
    else:
        yield _wrong_balance(balance, evidence)


def _same(first: float, second: float) -> bool:
    return abs(first - second) <= _SAME * max(abs(first), abs(second))


def _is_half(balance: Balance) -> bool:
    return _same(balance.effective_beta, balance.beta / 2)


def _evidence(balance: Balance) -> str:
    kl, term = balance.kl.weight, balance.reconstruction.weight
    return (
        f"an image's KL has the weight {kl.per_image:.4g} ({_over_batch(kl.exponent)}), its "
        f"{balance.reconstruction.formula} {term.per_image:.4g} ({_over_batch(term.exponent)}), "
        f"both on sums over {balance.sizes.latents} latents and {balance.sizes.pixels} pixels"
    )


def _over_batch(exponent: float) -> str:
    known = {0: "summed over the batch", -1: "averaged over the batch"}
    return known.get(round(exponent), f"times the batch's size to the power {exponent:.0f}")


def _different_batches(balance: Balance, evidence: str) -> Finding:
    sizes, kl, term = balance.sizes, balance.kl.weight, balance.reconstruction.weight
    beta = (
        kl.value
        / term.value
        * balance.right
        * (_USUAL_BATCH / sizes.rows) ** (kl.exponent - term.exponent)
    )
    remedy = "sum both over pixels and latents, and average both over the batch"
    if round(kl.exponent) == 0 and _same(kl.value * sizes.latents, balance.beta):
        return Finding(
            "wrong axis",
            "the KL is summed over the batch and averaged over the latents: the axes are exchanged",
            evidence,
            "sum the KL over the latents (axis 1) and average it over the batch (axis 0)",
        )
    if round(term.exponent) == 0 and _same(term.value * sizes.pixels, balance.right):
        return Finding(
            "wrong axis",
            "the reconstruction is summed over the batch and averaged over the pixels: the axes "
            "are exchanged",
            evidence,
            "sum it over the pixels and average it over the batch (axis 0)",
        )
    if round(kl.exponent) == -2:
        return Finding(
            "KL scale",
            f"the KL is divided by the batch's size twice: β is {beta:.3g} at a batch of "
            f"{_USUAL_BATCH}",
            evidence,
            "average the KL over the batch once",
        )
    return Finding(
        "effective beta",
        f"β depends on the batch's size: it is {beta:.4g} at a batch of {_USUAL_BATCH}, and "
        f"{balance.beta:g} was stated",
        evidence,
        remedy,
    )


def _wrong_balance(balance: Balance, evidence: str) -> Finding:
    beta, stated = balance.effective_beta, balance.beta
    saying = f"the effective β is {beta:.4g}, and {stated:g} was stated"
    if balance.reconstruction.gaussian:
        saying += f" (or the Gaussian's variance is {balance.implied_variance:.4g})"
    kl_is_right = _same(balance.kl.weight.per_image, stated)
    if _in_nats(balance):
        share = balance.kl.weight.per_image / (stated or 1.0)
        reason = _reason(share, balance)
        if reason:
            return Finding("KL scale", f"{reason}: {saying}", evidence, _REMEDY)
    elif kl_is_right and balance.variance is not None and not _reduced(balance):
        return Finding(
            "effective variance",
            f"the Gaussian's variance is {balance.implied_variance:.4g}, and "
            f"{balance.variance:g} was stated",
            evidence,
            f"multiply the summed squared error by 1/(2 variance) = {balance.right:.4g}",
        )
    if balance.reconstruction.gaussian and balance.variance is None and not kl_is_right:
        # The KL has a weight of the user's own, and nobody has said a variance.
        return Finding(
            "effective variance",
            f"{_reduction(balance)}the loss is that of a Gaussian of variance "
            f"{balance.implied_variance:.4g}: {saying}",
            evidence,
            "say the variance that is meant, and give the summed squared error 1/(2 variance)",
        )
    return Finding("effective beta", f"{_reduction(balance)}{saying}", evidence, _REMEDY)


_REMEDY = (
    "sum the reconstruction over pixels and the KL over latents, average both over the batch, and "
    "say the β that is meant"
)


def _in_nats(balance: Balance) -> bool:
    """Return whether the reconstruction is summed over pixels, so that the KL is what is off."""
    return _same(balance.factor, 1.0) or (
        balance.reconstruction.gaussian
        and balance.variance is None
        and _same(balance.reconstruction.weight.per_image, 1.0)
    )


def _reason(share: float, balance: Balance) -> str:
    sizes = balance.sizes
    known = (
        (1 / sizes.pixels, f"the KL is divided by the {sizes.pixels} pixels"),
        (1 / sizes.latents, f"the KL is averaged over the {sizes.latents} latents, not summed"),
        (1 / (sizes.pixels * sizes.latents), "the KL is divided by pixels and by latents"),
        (2.0, "the KL has lost its ½"),
        (0.5, "the KL is halved"),
    )
    return next((reason for value, reason in known if _same(share, value)), "")


def _reduced(balance: Balance) -> bool:
    return bool(_reduction(balance))


def _reduction(balance: Balance) -> str:
    sizes, weight = balance.sizes, balance.reconstruction.weight.per_image
    for unit in (balance.right, 1.0, 0.5):
        if _same(weight * sizes.pixels, unit):
            return f"the reconstruction is averaged over the {sizes.pixels} pixels: "
    return ""
