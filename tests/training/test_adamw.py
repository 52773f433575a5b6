"""The optimizer computes what PyTorch's own does, to the bit, and continues from its state."""

import torch

from folkseq.training.adamw import AdamW


def gradients(parameters, seed):
    """Set gradients; the last parameter has none at first."""
    random = torch.Generator().manual_seed(seed)
    for number, each in enumerate(parameters):
        each.grad = torch.randn(each.shape, generator=random) if number < 2 or seed > 2 else None


def test_it_is_pytorchs_own_to_the_bit_and_continues_from_its_state():
    shapes = [(7, 5), (5,), (3, 3)]
    start = [torch.randn(shape, generator=torch.Generator().manual_seed(1)) for shape in shapes]
    theirs, ours = ([torch.nn.Parameter(each.clone()) for each in start] for _ in range(2))
    reference = torch.optim.AdamW(theirs, lr=1.0, betas=(0.9, 0.98), weight_decay=0.1, fused=True)
    optimizer = AdamW(ours, (0.9, 0.98), 0.1)
    for seed, rate in enumerate([1e-2, 3e-3, 0.0, 1e-1, 2e-3, 1e-4]):
        gradients(theirs, seed)
        gradients(ours, seed)
        reference.param_groups[0]["lr"] = rate
        reference.step()
        optimizer.step(rate)
        if seed == 3:
            state = {name: tensor.clone() for name, tensor in optimizer.state().items()}
            optimizer = AdamW(ours, (0.9, 0.98), 0.1)
            optimizer.load(state)
        assert all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True))
    named = {f"{i}.{k}": v for i, slots in reference.state_dict()["state"].items() for k, v in slots.items()}
    assert named.keys() == optimizer.state().keys()
    assert all(torch.equal(named[name], tensor) for name, tensor in optimizer.state().items())
