"""Opening the file that a model was saved to."""

from scratchvae.errors import InputError
from scratchvae.files import AnyPath, as_path, cannot_read, open_regular
from scratchvae.models.autoencoder import Autoencoder
from scratchvae.models.base import Model
from scratchvae.models.conditional_vae import ConditionalVAE
from scratchvae.models.denoising_autoencoder import DenoisingAutoencoder
from scratchvae.models.description import ForeignClassError, foreign_classes
from scratchvae.models.diffusion import Diffusion
from scratchvae.models.foreign_files import described
from scratchvae.models.hierarchical_vae import HierarchicalVAE
from scratchvae.models.iwae import IWAE
from scratchvae.models.ladder_vae import LadderVAE
from scratchvae.models.latent_model import LatentModel
from scratchvae.models.recipes import find_recipe
from scratchvae.models.saving import fill, made_model, read_header
from scratchvae.models.sparse_autoencoder import SparseAutoencoder
from scratchvae.models.vae import VAE
from scratchvae.models.vqvae import VQVAE
from scratchvae.training.archive import NewerError, read_archive
from scratchvae.validation import check_is

_MODELS: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        *(Autoencoder, ConditionalVAE, DenoisingAutoencoder, Diffusion, HierarchicalVAE),
        *(IWAE, LadderVAE, SparseAutoencoder, VAE, VQVAE),
    )
}
_MOST_BYTES = (4 << 30) - 1
_REMEDY = "restore it from a copy, or save the model again"


def load_model(path: AnyPath, into: LatentModel | None = None) -> LatentModel:
    """Return the model in a file that ``save`` wrote: see ``scratchvae.load``."""
    path = as_path(path)
    if into is not None:
        check_is(into, "into", Model, "scratchvae.build('zhao-mlp')")
    try:
        with open_regular(path, _MOST_BYTES) as file:
            arrays = read_archive(file)
        header = read_header(arrays)
        if into is not None:
            fill(into, arrays, header)
            return into
        if foreign := foreign_classes(header["model"]):
            raise ForeignClassError(foreign[0])
        if header["config"]:
            find_recipe(header["config"]["recipe"])
        model: LatentModel = made_model(arrays, _MODELS)
        return model
    except FileNotFoundError:
        with_suffix = path.with_name(f"{path.name}.npz")
        near = f"did you mean {str(with_suffix)!r}?" if with_suffix.is_file() else ""
        raise InputError(f"there is no file {str(path)!r}", near or "save a model first") from None
    except OSError as error:
        raise cannot_read(path, error, _REMEDY) from None
    except NewerError as newer:
        raise InputError(f"{str(path)!r} {newer}", "install a newer one to load it") from None
    except ForeignClassError as foreign_class:
        raise InputError(
            f"the model in {str(path)!r} has a part of a class of your own, {foreign_class}, which "
            "no file holds",
            "build the model as before, and give it: scratchvae.load(path, into=model)",
        ) from None
    except Exception as error:
        # A damaged zip archive fails in a dozen ways, depending on what was hit.
        if foreign_file := described(path):
            raise InputError(f"{str(path)!r} {foreign_file[0]}", foreign_file[1]) from None
        problem = " ".join(str(error).split())[:200] or type(error).__name__
        if into is not None:
            raise InputError(
                f"{str(path)!r} does not fit this {type(into).__name__} ({problem})",
                "build the model as the saved one was; or the file is damaged: restore a copy",
            ) from None
        raise InputError(
            f"{str(path)!r} is no file of a model ({problem}): it is damaged or foreign", _REMEDY
        ) from None
