"""Gradients across the pipe: an answer is one node of PyTorch's graph on the asking side."""

from __future__ import annotations

from typing import Any

import torch

from autograder.sandbox.arrays import WireError
from autograder.values import is_tensor


class Graph:
    """A graph that the other side keeps for as long as this lives."""

    def __init__(self, peer: Any, number: int) -> None:
        self.peer, self.number = peer, number

    def __del__(self) -> None:
        self.peer._dropped.append(self.number)


class _Answer(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, graph: Graph, outputs: list, _anchor: Any, *inputs: torch.Tensor) -> Any:
        ctx.graph, ctx.expected = graph, [(tensor.shape, tensor.dtype) for tensor in inputs]
        return tuple(outputs)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        peer = ctx.graph.peer
        found = peer.ask(ctx.graph.number, "__backward__", (list(grads),), {})
        if type(found) is not list or len(found) != len(ctx.expected):
            peer._fail("broke the rules of the pipe: gradients that are none", WireError())
        for grad, expected in zip(found, ctx.expected, strict=True):
            if grad is not None and not (is_tensor(grad) and (grad.shape, grad.dtype) == expected):
                peer._fail("broke the rules of the pipe: a gradient of another shape", WireError())
        return (None, None, None, *found)


def attach(graph: Graph, value: Any, inputs: list, outputs: list) -> Any:
    """An answer whose tensors carry a graph over which `backward` reaches the other side.

    Args:
        value: the answer.
        inputs: tensors of the question with gradients, in the order in which they were sent.
        outputs: tensors of the answer with gradients.
    """
    # results may need gradients although no input does (a module's own parameters): PyTorch makes a
    # node only if some input needs one
    anchor = torch.zeros((), requires_grad=True)
    attached = _Answer.apply(graph, outputs, anchor, *inputs)
    return _replace(value, {id(plain): tensor for plain, tensor in zip(outputs, attached, strict=True)})


def _replace(value: Any, by_id: dict[int, torch.Tensor]) -> Any:
    if isinstance(value, list):
        return [_replace(item, by_id) for item in value]
    if isinstance(value, tuple):
        return tuple(_replace(item, by_id) for item in value)
    if isinstance(value, dict):
        return {key: _replace(item, by_id) for key, item in value.items()}
    return by_id.get(id(value), value)


def backward(outputs: list[torch.Tensor], leaves: list[torch.Tensor], grads: Any) -> list:
    """Gradients of the leaves of a question, from those of its answer.

    Raises:
        TypeError: if `grads` is no list of tensors, one for each output.
    """
    if type(grads) is not list or len(grads) != len(outputs):
        raise TypeError(f"grads is of type {type(grads).__name__}, expected a list of {len(outputs)} tensors")
    pairs = [(out, grad) for out, grad in zip(outputs, grads, strict=True) if grad is not None]
    for leaf in leaves:
        leaf.grad = None
    torch.autograd.backward([o for o, _ in pairs], [g for _, g in pairs], retain_graph=True)
    return [leaf.grad for leaf in leaves]
