"""Settings, optimisers, the training step, the loop around it, and checkpoints."""

from scratchvae.training.checkpoint import load_checkpoint, save_checkpoint
from scratchvae.training.checks import check_last_batch
from scratchvae.training.epoch_metrics import EpochMetrics
from scratchvae.training.history import read_history, write_history
from scratchvae.training.interruption import Interrupted
from scratchvae.training.loop import check_training_set, train
from scratchvae.training.optimisers import SGD, Adam, Optimiser
from scratchvae.training.protocol import LossMean, LossTerms, Trainable
from scratchvae.training.settings import Settings, epochs_through_stage
from scratchvae.training.trainer import Trainer

__all__ = [
    "SGD",
    "Adam",
    "EpochMetrics",
    "Interrupted",
    "LossMean",
    "LossTerms",
    "Optimiser",
    "Settings",
    "Trainable",
    "Trainer",
    "check_last_batch",
    "check_training_set",
    "epochs_through_stage",
    "load_checkpoint",
    "read_history",
    "save_checkpoint",
    "train",
    "write_history",
]
