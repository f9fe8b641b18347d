"""Layers as PyTorch's ``autograd.Function`` with a backward pass of one's own."""

import torch
from torch.autograd import Function


class Linear(Function):
    @staticmethod
    def forward(ctx, x, w, b):
        ctx.save_for_backward(x, w)
        return x @ w + b

    @staticmethod
    def backward(ctx, dy):
        x, w = ctx.saved_tensors
        dx = dy @ w.t()
        dw = x.t() @ dy
        db = dy.sum(dim=0)
        return dx, dw, db


class ReLU(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, dy):
        (x,) = ctx.saved_tensors
        return dy * (x > 0)


class LeakyReLU(Function):
    @staticmethod
    def forward(ctx, x, slope):
        ctx.save_for_backward(x)
        ctx.slope = slope
        return torch.where(x > 0, x, slope * x)

    @staticmethod
    def backward(ctx, dy):
        (x,) = ctx.saved_tensors
        dx = torch.where(x > 0, dy, ctx.slope * dy)
        return dx, None


class Sigmoid(Function):
    @staticmethod
    def forward(ctx, x):
        y = 1 / (1 + torch.exp(-x))
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, dy):
        (y,) = ctx.saved_tensors
        return dy * y * (1 - y)


class Tanh(Function):
    @staticmethod
    def forward(ctx, x):
        y = torch.tanh(x)
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx, dy):
        x, y = ctx.saved_tensors
        dx = dy * (1 - y**2)
        return dx


class Exponential(Function):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(x, y)
        return y

    @staticmethod
    def backward(ctx, dy):
        x, y = ctx.saved_tensors
        return dy * y


class Softplus(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.log1p(torch.exp(x))

    @staticmethod
    def backward(ctx, dy):
        (x,) = ctx.saved_tensors
        return dy / (1 + torch.exp(-x))


class Softmax(Function):
    @staticmethod
    def forward(ctx, x):
        e = torch.exp(x - x.amax(dim=1, keepdim=True))
        y = e / e.sum(dim=1, keepdim=True)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, dy):
        (y,) = ctx.saved_tensors
        inner = (dy * y).sum(dim=1, keepdim=True)
        dx = y * (dy - inner)
        return dx


class LayerNorm(Function):
    @staticmethod
    def forward(ctx, x, gamma, beta):
        mean = x.mean(dim=1, keepdim=True)
        inverse = 1 / torch.sqrt(((x - mean) ** 2).mean(dim=1, keepdim=True) + 1e-5)
        x_hat = (x - mean) * inverse
        ctx.save_for_backward(x_hat, inverse, gamma)
        return gamma * x_hat + beta

    @staticmethod
    def backward(ctx, dy):
        x_hat, inverse, gamma = ctx.saved_tensors
        dgamma = (dy * x_hat).sum(dim=0)
        dbeta = dy.sum(dim=0)
        g = dy * gamma
        along = (g * x_hat).mean(dim=1, keepdim=True)
        dx = inverse * (g - g.mean(dim=1, keepdim=True) - x_hat * along)
        return dx, dgamma, dbeta


class SquaredError(Function):
    @staticmethod
    def forward(ctx, prediction, target):
        gap = prediction - target
        ctx.save_for_backward(gap)
        return 0.5 * (gap**2).sum()

    @staticmethod
    def backward(ctx, dy):
        (gap,) = ctx.saved_tensors
        dprediction = dy * gap
        return dprediction, -dprediction


class Reparameterise(Function):
    @staticmethod
    def forward(ctx, mean, log_variance, noise):
        std = torch.exp(0.5 * log_variance)
        ctx.save_for_backward(std, noise)
        return mean + std * noise

    @staticmethod
    def backward(ctx, dz):
        std, noise = ctx.saved_tensors
        dlog_variance = 0.5 * dz * noise * std
        return dz, dlog_variance, None


class GaussianKL(Function):
    @staticmethod
    def forward(ctx, mean, log_variance):
        ctx.save_for_backward(mean, log_variance)
        return -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(dim=1)

    @staticmethod
    def backward(ctx, dy):
        mean, log_variance = ctx.saved_tensors
        dmean = dy[:, None] * mean
        dlog_variance = 0.5 * dy[:, None] * (log_variance.exp() - 1)
        return dmean, dlog_variance


class BernoulliNLL(Function):
    @staticmethod
    def forward(ctx, logits, target):
        ctx.save_for_backward(logits, target)
        terms = logits.clamp(min=0) - logits * target + torch.log1p(torch.exp(-logits.abs()))
        return terms.sum(dim=1)

    @staticmethod
    def backward(ctx, dy):
        logits, target = ctx.saved_tensors
        probability = 1 / (1 + torch.exp(-logits))
        return (probability - target) * dy[:, None], None


class Attention(Function):
    @staticmethod
    def forward(ctx, q, k, v):
        scores = q @ k.t() / q.shape[1] ** 0.5
        weights = torch.softmax(scores, dim=1)
        ctx.save_for_backward(q, k, v, weights)
        return weights @ v

    @staticmethod
    def backward(ctx, dy):
        q, k, v, weights = ctx.saved_tensors
        dv = weights.t() @ dy
        dweights = dy @ v.t()
        inner = (dweights * weights).sum(dim=1, keepdim=True)
        dscores = weights * (dweights - inner) / q.shape[1] ** 0.5
        dq = dscores @ k
        dk = dscores.t() @ q
        return dq, dk, dv
