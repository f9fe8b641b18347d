"""``gradcheck`` leaves what it is given in PyTorch as it was, and says what it did not check."""

import numpy as np
import pytest
from helpers import normal

from scratchvae import gradcheck
from scratchvae.checks.gradients import frameworks

torch = pytest.importorskip("torch")
nn = torch.nn


def floats(*shape, **options):
    return torch.tensor(normal(*shape), dtype=torch.float32, **options)


def network():
    parts = [nn.Linear(5, 4), nn.BatchNorm1d(4), nn.ReLU(inplace=True), nn.Dropout(0.5)]
    return nn.Sequential(*parts, nn.Linear(4, 2))


def test_nothing_of_the_users_is_changed():
    module, x = network(), floats(6, 5, requires_grad=True)
    module[1].eval()
    module(x).sum().backward()
    kept = {name: value.clone() for name, value in module.state_dict().items()}
    parameters, modes = list(module.parameters()), [part.training for part in module.modules()]
    gradients = [p.grad.clone() for p in parameters] + [x.grad.clone()]
    given, generator = x.detach().clone(), torch.get_rng_state()
    gradcheck(module, x, max_coordinates=4)
    now = module.state_dict()
    assert all(torch.equal(now[name], value) for name, value in kept.items())
    assert all(value.dtype == now[name].dtype for name, value in kept.items())
    assert all(a is b for a, b in zip(parameters, module.parameters(), strict=True))
    assert [part.training for part in module.modules()] == modes
    after = [p.grad for p in parameters] + [x.grad]
    assert all(torch.equal(a, b) for a, b in zip(after, gradients, strict=True))
    assert torch.equal(x, given)
    assert torch.equal(torch.get_rng_state(), generator)


def test_tensors_outside_are_put_back_and_named():
    weight, shift = floats(5, 2), torch.zeros(2, dtype=torch.float64)
    before = weight.clone()
    report = gradcheck(lambda x: x.float() @ weight + shift.exp(), floats(3, 5), tolerance=1.0)
    assert {array.name for array in report.unseen} == {"weight", "shift"}
    assert torch.equal(weight, before)
    assert not shift.any()


def test_a_modules_own_mode_holds_unless_another_is_asked_for():
    module = nn.Sequential(nn.Linear(5, 4), nn.Dropout(0.5))
    x = floats(6, 5)
    causes = {row.cause for row in gradcheck(module, x).rows}
    assert causes == {"random forward"}
    assert gradcheck(module, x, training=False).passed
    module.eval()
    assert gradcheck(module, x).passed
    assert not gradcheck(module, x, training=True).passed


def test_what_is_frozen_is_named_where_the_output_depends_on_it_and_a_buffer_is_not():
    module = network().train()
    module[3] = nn.Identity()
    assert not gradcheck(module, floats(6, 5)).unseen
    module.eval()
    module[0].bias.requires_grad_(False)
    report = gradcheck(module, floats(6, 5))
    assert report.passed, report
    assert [array.name for array in report.unseen] == ["0.bias"]
    assert "0.bias" not in [row.name for row in report.rows]


def test_a_tensor_that_is_no_parameter_is_named():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(5, 2)
            self.inner.scale = torch.ones(5)

        def forward(self, x):
            return self.inner(x * self.inner.scale)

    assert [array.name for array in gradcheck(Scaled(), floats(2, 5)).unseen] == ["inner.scale"]


def test_if_one_tensor_requires_a_gradient_the_others_are_constants():
    x, target = floats(3, 2, requires_grad=True), floats(3, 2) + 1
    report = gradcheck(nn.functional.mse_loss, x, target)
    assert [row.name for row in report.rows] == ["input"]
    assert [array.name for array in report.unseen] == ["target"]
    assert len(gradcheck(nn.functional.mse_loss, x.detach(), target).rows) == 2


class Small(torch.autograd.Function):
    """The gradient is twice what it should be, and small."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return 1e-7 * torch.sin(x)

    @staticmethod
    def backward(ctx, dy):
        return 2e-7 * torch.cos(ctx.saved_tensors[0]) * dy


def test_where_the_check_of_pytorch_decides_otherwise():
    # It compares to 1e-5 + 1e-3 of the slope, so that small gradients may be anything.
    x = torch.tensor(normal(2, 3), requires_grad=True)
    assert torch.autograd.gradcheck(Small.apply, (x,))
    report = gradcheck(Small, x)
    assert [row.cause for row in report.rows] == ["factor"]
    # It knows nothing of kinks.
    x = torch.tensor([0.0, 1.0, -1.0], dtype=torch.float64, requires_grad=True)
    assert not torch.autograd.gradcheck(torch.relu, (x,), raise_exception=False)
    assert gradcheck(torch.relu, x).passed


def test_without_the_frameworks_layers_are_checked_as_ever(no_torch, monkeypatch):
    monkeypatch.setitem(frameworks.sys.modules, "jax", None)
    from gradient_cases import dense

    assert gradcheck(dense(), normal(4, 5)).passed
    assert frameworks.framework_target(dense(), [np.zeros(3)], None) is None
