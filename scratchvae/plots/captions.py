"""What pictures and tables say of a model: what it is sampled from, and what its KL is."""

from scratchvae.models import IWAE, VQVAE, Diffusion, HierarchicalVAE, LadderVAE, LatentModel


def kl_meaning(model: LatentModel) -> str:
    """Return what the ``kl`` of a model's loss is, in characters that every terminal has."""
    if not model.has_prior:
        return "none, since there is no prior"
    if isinstance(model, Diffusion):
        return "KL(q(zT | x) || N(0, I)), plus those of all steps back, of which one is drawn"
    if isinstance(model, VQVAE):
        return "-log p(k) of the codes k, which is KL(q(k | x) || p(k)) as q is certain"
    if isinstance(model, LadderVAE):
        return "KL(q(z1 | x, z2) || p(z1 | z2)) + KL(q(z2 | x) || N(0, I))"
    if isinstance(model, HierarchicalVAE):
        return "log q(z1 | x) - log p(z1 | z2), plus KL(q(z2 | z1) || N(0, I))"
    kl = f"KL(q(z | x{', class' if model.classes else ''}) || N(0, I))"
    if isinstance(model, IWAE):
        return f"{kl}, estimated from the draws of z if there are several"
    return kl


def plane_note(model: LatentModel) -> str:
    """Return what to add to "by quantiles of N(0, 1)" where that is not the latents' prior."""
    if not model.has_prior:
        return ", though there is no prior"
    if isinstance(model, HierarchicalVAE):
        return ", though z₁ is drawn from p(z₁ | z₂)"
    return ""


def draws_from(model: LatentModel) -> str:
    """Return what the latents of a model's samples are drawn from."""
    if isinstance(model, HierarchicalVAE):
        return f"z₁ of p(z₁ | z₂), z₂ of N(0, I) in {_dimensions(model.upper_dim)}"
    if isinstance(model, Diffusion):
        return f"{model.steps} steps back from N(0, I) in {_dimensions(model.latent_dim)}"
    if isinstance(model, VQVAE):
        return f"{model.latent_dim} codes drawn one after the other"
    return f"N(0, I) in {_dimensions(model.latent_dim)}"


def _dimensions(count: int) -> str:
    return "1 dimension" if count == 1 else f"{count} dimensions"
