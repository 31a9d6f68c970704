"""Gradients across the pipe: a question is one node of PyTorch's graph on the asking side."""

from __future__ import annotations

from typing import Any

import torch

from autograder.values import is_tensor


class _Question(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, peer: Any, message: list, box: list, *inputs: torch.Tensor) -> Any:
        reply = peer.request(message)
        value = peer._value(reply)
        box.append(value)
        number = reply[2]
        outputs = [item for item in _tensors(value) if item.requires_grad] if number else []
        for output in outputs:
            output.requires_grad_(False)
        ctx.peer, ctx.number = peer, number
        box.append([id(output) for output in outputs])
        return tuple(outputs)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        reply = ctx.peer.request([ctx.number, "__backward__", (list(grads),), {}])
        return (None, None, None, None, *ctx.peer._value(reply))


def _tensors(value: Any) -> list[torch.Tensor]:
    from autograder.sandbox.peer import _flat

    return [item for item in _flat(value) if is_tensor(item)]


def _replace(value: Any, by_id: dict[int, torch.Tensor]) -> Any:
    if isinstance(value, list):
        return [_replace(item, by_id) for item in value]
    if isinstance(value, tuple):
        return tuple(_replace(item, by_id) for item in value)
    if isinstance(value, dict):
        return {key: _replace(item, by_id) for key, item in value.items()}
    return by_id.get(id(value), value)


def ask_with_gradients(peer: Any, target: str | int, method: str, args: tuple, kwargs: dict[str, Any]) -> Any:
    """Like `Peer.ask`, with results that carry a graph over which `backward` reaches the other side."""
    inputs = [t for t in _tensors([args, kwargs]) if t.requires_grad and torch.is_grad_enabled()]
    # results may need gradients although no input does (a module's own parameters): PyTorch makes a
    # node only if some input needs one
    anchor = torch.zeros((), requires_grad=True)
    box: list[Any] = []
    outputs = _Question.apply(peer, [target, method, args, kwargs], box, anchor, *inputs)
    value, ids = box
    if not ids:
        return value
    return _replace(value, dict(zip(ids, outputs, strict=True)))
