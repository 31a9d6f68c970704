"""Hidden checks of the lab on attention."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from autograder.checking import checks, picture

# Everything is asked in float64. Two orders of summation of a few hundred terms differ by some 1e-14 of
# their size, and a softmax or a tanh does not enlarge that.
EXACT = {"rtol": 1e-9, "atol": 1e-11}

SEEDS = st.integers(0, 2**32 - 1)


def normal(rng, *shape):
    return torch.from_numpy(rng.standard_normal(shape))


def leaf(rng, *shape):
    return normal(rng, *shape).requires_grad_()


def some_mask(rng, *shape):
    """A random mask in which every row may use at least one key."""
    mask = rng.random(shape) < 0.6
    mask[..., rng.integers(shape[-1])] = True
    return torch.from_numpy(mask)


def assert_close(actual, expected):
    assert actual is not None
    assert tuple(actual.shape) == tuple(expected.shape)
    torch.testing.assert_close(actual, expected, **EXACT)


def softmax_by_loops(scores, mask):
    """Rows of a masked softmax, number by number."""
    rows, keys = scores.shape
    weights = np.zeros((rows, keys))
    for r in range(rows):
        usable = [k for k in range(keys) if mask[r, k]]
        if usable:
            highest = max(float(scores[r, k]) for k in usable)
            powers = {k: math.exp(float(scores[r, k]) - highest) for k in usable}
            for k in usable:
                weights[r, k] = powers[k] / sum(powers.values())
    return torch.from_numpy(weights)


def gradients(output, inputs, direction):
    (output * direction).sum().backward()
    return [tensor.grad for tensor in inputs]


# --- dot_product_attention -----------------------------------------------------------------------------


@checks("dot_product_attention")
def test_agrees_with_pytorch_without_scaling(lab, rng):
    """Contexts must be those of F.scaled_dot_product_attention with its scale set to 1."""
    query, key, value = normal(rng, 3, 5, 4), normal(rng, 3, 7, 4), normal(rng, 3, 7, 6)
    context, _ = lab.dot_product_attention(query, key, value)
    assert_close(context, F.scaled_dot_product_attention(query, key, value, scale=1.0))


@checks("dot_product_attention")
@given(seed=SEEDS, queries=st.integers(1, 5), keys=st.integers(1, 5), width=st.integers(1, 6))
def test_each_query_shares_out_a_weight_of_one(lab, seed, queries, keys, width):
    """Each row of the weights is a softmax over the keys, and each context the mixture by that row."""
    rng = np.random.default_rng(seed)
    query, key, value = (
        normal(rng, 2, queries, width),
        normal(rng, 2, keys, width),
        normal(rng, 2, keys, width),
    )
    context, weights = lab.dot_product_attention(query, key, value)
    for b in range(2):
        scores = np.array([[float(query[b, i] @ key[b, j]) for j in range(keys)] for i in range(queries)])
        expected = softmax_by_loops(scores, np.ones((queries, keys), bool))
        assert_close(weights[b], expected)
        mixed = [sum(expected[i, j] * value[b, j] for j in range(keys)) for i in range(queries)]
        assert_close(context[b], torch.stack(mixed))


@checks("dot_product_attention")
def test_order_of_the_books_does_not_matter(lab, rng):
    """Keys and values shuffled in the same way must give the same contexts and shuffled weights."""
    query, key, value = normal(rng, 2, 4, 3), normal(rng, 2, 6, 3), normal(rng, 2, 6, 5)
    order = torch.from_numpy(rng.permutation(6))
    context, weights = lab.dot_product_attention(query, key, value)
    shuffled, shuffled_weights = lab.dot_product_attention(query, key[:, order], value[:, order])
    assert_close(shuffled, context)
    assert_close(shuffled_weights, weights[:, :, order])
    assert_close(context, F.scaled_dot_product_attention(query, key, value, scale=1.0))


@checks("dot_product_attention")
def test_gradients_reach_queries_keys_and_values(lab, rng):
    """Gradients of all three inputs must be those of PyTorch's own attention."""
    ours = [leaf(rng, 2, 3, 4), leaf(rng, 2, 5, 4), leaf(rng, 2, 5, 2)]
    theirs = [tensor.detach().clone().requires_grad_() for tensor in ours]
    direction = normal(rng, 2, 3, 2)
    actual = gradients(lab.dot_product_attention(*ours)[0], ours, direction)
    expected = gradients(F.scaled_dot_product_attention(*theirs, scale=1.0), theirs, direction)
    for got, wanted in zip(actual, expected, strict=True):
        assert_close(got, wanted)


@checks("dot_product_attention", visible=True)
@pytest.mark.parametrize("shapes", [((1, 2, 3), (1, 4, 2), (1, 4, 5)), ((1, 2, 3), (1, 4, 3), (1, 3, 5))])
def test_sizes_that_do_not_fit_are_refused(lab, shapes):
    """Queries and keys of different width, or keys and values of different number: a ValueError."""
    with pytest.raises(ValueError):
        lab.dot_product_attention(*(torch.ones(shape) for shape in shapes))


# --- masked_softmax ------------------------------------------------------------------------------------


@checks("masked_softmax")
@given(seed=SEEDS, rows=st.integers(1, 5), keys=st.integers(1, 7))
def test_only_usable_keys_take_part(lab, seed, rows, keys):
    """What is hidden has weight 0 and the rest is a softmax among itself, summing to 1."""
    rng = np.random.default_rng(seed)
    scores, mask = normal(rng, rows, keys) * 3, some_mask(rng, rows, keys)
    assert_close(lab.masked_softmax(scores, mask), softmax_by_loops(scores, mask))


@checks("masked_softmax", visible=True)
def test_without_a_mask_it_is_the_usual_softmax(lab, rng):
    scores = normal(rng, 2, 3, 4)
    assert_close(lab.masked_softmax(scores), torch.softmax(scores, dim=-1))


@checks("masked_softmax")
def test_hidden_scores_do_not_matter_however_large(lab, rng):
    """Hidden scores of ±30 000 change nothing, even where the usable ones are near −20 000, in float32."""
    scores, mask = normal(rng, 4, 6).float() - 20_000, some_mask(rng, 4, 6)
    mask[:, 2] = False
    mask[:, 4] = True
    expected = lab.masked_softmax(scores, mask)
    for hidden in (-30_000.0, 0.0, 30_000.0):
        weights = lab.masked_softmax(scores.masked_fill(~mask, hidden), mask)
        assert weights.dtype == torch.float32
        # float32, and scores near 20 000 are themselves rounded to 1e-3, equally in both calls
        torch.testing.assert_close(weights, expected, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(expected, softmax_by_loops(scores, mask).float(), rtol=1e-4, atol=1e-6)


@checks("masked_softmax")
def test_row_without_usable_keys_is_zero(lab, rng):
    """A row in which everything is hidden has only zeros; the other rows are not affected."""
    scores, mask = normal(rng, 3, 5), some_mask(rng, 3, 5)
    mask[1] = False
    assert_close(lab.masked_softmax(scores, mask), softmax_by_loops(scores, mask))


@checks("masked_softmax")
def test_gradient_is_finite_even_where_nothing_is_usable(lab, rng):
    """No gradient may be NaN; a hidden score has the gradient 0."""
    scores, mask = leaf(rng, 3, 5), some_mask(rng, 3, 5)
    mask[0] = False
    mask[1, 0], mask[1, 1] = False, True
    direction = normal(rng, 3, 5)
    weights = lab.masked_softmax(scores, mask)
    (gradient,) = gradients(weights, [scores], direction)
    p = softmax_by_loops(scores.detach(), mask)
    # closed form: the softmax's Jacobian is diag(p) − p pᵀ
    assert_close(gradient, p * (direction - (p * direction).sum(-1, keepdim=True)))


@checks("masked_softmax")
def test_one_mask_serves_all_rows(lab, rng):
    """A mask of shape [batch, 1, keys] holds for every row of scores [batch, rows, keys]."""
    scores, mask = normal(rng, 2, 3, 4), some_mask(rng, 2, 1, 4)
    weights = lab.masked_softmax(scores, mask)
    for b in range(2):
        assert_close(weights[b], softmax_by_loops(scores[b], mask[b].expand(3, 4)))


@checks("masked_softmax", visible=True)
@pytest.mark.parametrize("dtype", [torch.float32, torch.int64])
def test_mask_must_be_boolean(lab, dtype):
    with pytest.raises(ValueError):
        lab.masked_softmax(torch.zeros(2, 3), torch.ones(2, 3).to(dtype))


# --- scaled_dot_product_attention ----------------------------------------------------------------------


@checks("scaled_dot_product_attention")
@given(seed=SEEDS, batch=st.lists(st.integers(1, 3), max_size=2), sizes=st.tuples(*[st.integers(1, 5)] * 4))
def test_agrees_with_pytorch_for_any_leading_axes(lab, seed, batch, sizes):
    """Contexts must be those of F.scaled_dot_product_attention, masked and not, whatever is in front."""
    rng = np.random.default_rng(seed)
    queries, keys, d_k, d_v = sizes
    query, key, value = (
        normal(rng, *batch, queries, d_k),
        normal(rng, *batch, keys, d_k),
        normal(rng, *batch, keys, d_v),
    )
    mask = some_mask(rng, *batch, queries, keys)
    context, weights = lab.scaled_dot_product_attention(query, key, value)
    assert_close(context, F.scaled_dot_product_attention(query, key, value))
    assert_close(weights.sum(-1), torch.ones(*batch, queries, dtype=torch.float64))
    context, weights = lab.scaled_dot_product_attention(query, key, value, mask)
    assert_close(context, F.scaled_dot_product_attention(query, key, value, attn_mask=mask))
    assert_close(weights @ value, context)


@checks("scaled_dot_product_attention")
@pytest.mark.parametrize("width", [1, 9, 64])
def test_weights_are_the_softmax_of_scaled_scores(lab, rng, width):
    """One number at a time: the scores are divided by the root of the width before the softmax."""
    query, key = normal(rng, 4, width), normal(rng, 3, width)
    _, weights = lab.scaled_dot_product_attention(query, key, normal(rng, 3, 2))
    scores = [[sum(float(a * b) for a, b in zip(q, k, strict=True)) / width**0.5 for k in key] for q in query]
    assert_close(weights, softmax_by_loops(np.array(scores), np.ones((4, 3), bool)))


@checks("scaled_dot_product_attention")
def test_hidden_keys_and_values_have_no_influence(lab, rng):
    """What the mask hides may hold any numbers: context and weights stay the same."""
    query, key, value = normal(rng, 2, 3, 4), normal(rng, 2, 6, 4), normal(rng, 2, 6, 5)
    mask = torch.ones(2, 1, 6, dtype=torch.bool)
    mask[0, 0, 4:], mask[1, 0, 1] = False, False
    context, weights = lab.scaled_dot_product_attention(query, key, value, mask)
    other_key, other_value = key.clone(), value.clone()
    for changed in (other_key, other_value):
        changed[0, 4:], changed[1, 1] = 100.0, -100.0
    other_context, other_weights = lab.scaled_dot_product_attention(query, other_key, other_value, mask)
    assert_close(other_context, context)
    assert_close(other_weights, weights)
    assert_close(context, F.scaled_dot_product_attention(query, key, value, attn_mask=mask))


@checks("scaled_dot_product_attention")
def test_query_with_nothing_to_look_at_gets_zeros(lab, rng):
    """Zero weights and a zero context where a query may use no key, and finite gradients."""
    inputs = [leaf(rng, 2, 3, 4), leaf(rng, 2, 5, 4), leaf(rng, 2, 5, 4)]
    mask = some_mask(rng, 2, 3, 5)
    mask[0, 1] = False
    context, weights = lab.scaled_dot_product_attention(*inputs, mask)
    assert bool((context[0, 1] == 0).all())
    assert bool((weights[0, 1] == 0).all())
    for gradient in gradients(context, inputs, normal(rng, 2, 3, 4)):
        assert bool(torch.isfinite(gradient).all())
    assert bool((inputs[0].grad[0, 1] == 0).all())


@checks("scaled_dot_product_attention")
def test_gradients_agree_with_pytorch(lab, rng):
    ours = [leaf(rng, 2, 2, 3, 4), leaf(rng, 2, 2, 5, 4), leaf(rng, 2, 2, 5, 3)]
    theirs = [tensor.detach().clone().requires_grad_() for tensor in ours]
    direction, mask = normal(rng, 2, 2, 3, 3), some_mask(rng, 2, 1, 3, 5)
    actual = gradients(lab.scaled_dot_product_attention(*ours, mask)[0], ours, direction)
    expected = gradients(F.scaled_dot_product_attention(*theirs, attn_mask=mask), theirs, direction)
    for got, wanted in zip(actual, expected, strict=True):
        assert_close(got, wanted)


# --- causal_mask ---------------------------------------------------------------------------------------


@checks("causal_mask", visible=True)
@given(length=st.integers(1, 20))
def test_each_position_sees_itself_and_the_past(lab, length):
    mask = lab.causal_mask(length)
    assert mask.dtype == torch.bool
    assert mask.tolist() == [[key <= query for key in range(length)] for query in range(length)]


@checks("causal_mask")
def test_is_the_opposite_of_what_pytorch_hides(lab):
    """True exactly where torch.nn.Transformer.generate_square_subsequent_mask does not put −∞."""
    hidden = torch.isinf(nn.Transformer.generate_square_subsequent_mask(7))
    assert torch.equal(lab.causal_mask(7), ~hidden)


@checks("causal_mask")
def test_attention_with_it_is_causal_attention(lab, rng):
    """Given to F.scaled_dot_product_attention, it must do what is_causal=True does."""
    query, key, value = normal(rng, 2, 6, 4), normal(rng, 2, 6, 4), normal(rng, 2, 6, 4)
    mask = lab.causal_mask(6)
    expected = F.scaled_dot_product_attention(query, key, value, is_causal=True)
    assert_close(F.scaled_dot_product_attention(query, key, value, attn_mask=mask), expected)


@checks("causal_mask", visible=True)
@pytest.mark.parametrize("length", [0, -3])
def test_mask_of_no_positions_is_refused(lab, length):
    with pytest.raises(ValueError):
        lab.causal_mask(length)


# --- padding_mask --------------------------------------------------------------------------------------


@checks("padding_mask", visible=True)
@given(max_length=st.integers(1, 12), numbers=st.lists(st.integers(0, 1000), min_size=1, max_size=5))
def test_the_first_positions_are_real(lab, max_length, numbers):
    """Row b is True at its first lengths[b] positions and False at all others."""
    lengths = [number % (max_length + 1) for number in numbers]
    mask = lab.padding_mask(torch.tensor(lengths), max_length)
    assert mask.dtype == torch.bool
    assert mask.tolist() == [[position < length for position in range(max_length)] for length in lengths]


@checks("padding_mask")
def test_agrees_with_padded_sequences_of_pytorch(lab, rng):
    """True exactly where torch.nn.utils.rnn.pad_sequence has put something of the sequences."""
    lengths = torch.from_numpy(rng.permutation(np.arange(1, 9)))
    sequences = nn.utils.rnn.pad_sequence([torch.ones(int(n)) for n in lengths], batch_first=True)
    assert torch.equal(lab.padding_mask(lengths, 8), sequences == 1)


@checks("padding_mask")
def test_empty_and_full_examples_are_right(lab):
    """A length of 0 is all padding, a length of max_length has none; both are allowed."""
    mask = lab.padding_mask(torch.tensor([0, 4, 4, 1]), 4)
    assert mask.sum(1).tolist() == [0, 4, 4, 1]
    assert mask.shape == (4, 4)
    assert lab.padding_mask(torch.tensor([2], dtype=torch.int32), 6).tolist() == [[True] * 2 + [False] * 4]


@checks("padding_mask", visible=True)
@pytest.mark.parametrize("lengths", [[3, 6], [-1, 2]])
def test_impossible_lengths_are_refused(lab, lengths):
    """A negative length, or one beyond max_length: a ValueError."""
    with pytest.raises(ValueError):
        lab.padding_mask(torch.tensor(lengths), 5)


# --- self_attention ------------------------------------------------------------------------------------


@checks("self_attention")
@pytest.mark.parametrize("causal", [False, True])
def test_agrees_with_pytorch_on_projected_inputs(lab, rng, causal):
    """Queries, keys and values are x times w_query, w_key and w_value; PyTorch does the rest."""
    x, w_query, w_key, w_value = normal(rng, 2, 5, 3), normal(rng, 3, 4), normal(rng, 3, 4), normal(rng, 3, 6)
    context, _ = lab.self_attention(x, w_query, w_key, w_value, causal)
    assert_close(
        context, F.scaled_dot_product_attention(x @ w_query, x @ w_key, x @ w_value, is_causal=causal)
    )


@checks("self_attention")
@given(seed=SEEDS, time=st.integers(2, 6))
def test_future_does_not_leak(lab, seed, time):
    """With causal=True, a change at one position changes nothing before it, but does change that position."""
    rng = np.random.default_rng(seed)
    x, weights = normal(rng, 2, time, 3), [normal(rng, 3, 3) for _ in range(3)]
    position = int(rng.integers(1, time))
    changed = x.clone()
    changed[:, position] += 1.0
    before, _ = lab.self_attention(x, *weights, causal=True)
    after, attended = lab.self_attention(changed, *weights, causal=True)
    assert_close(after[:, :position], before[:, :position])
    assert bool((after[:, position] != before[:, position]).any())
    assert bool((attended.triu(1) == 0).all())


@checks("self_attention")
def test_without_mask_shuffled_input_gives_shuffled_output(lab, rng):
    """Self-attention treats its input as a set: shuffling the positions shuffles the output alike."""
    x, weights = normal(rng, 2, 6, 4), [normal(rng, 4, 4) for _ in range(3)]
    order = torch.from_numpy(rng.permutation(6))
    context, attended = lab.self_attention(x, *weights)
    shuffled, shuffled_weights = lab.self_attention(x[:, order], *weights)
    assert_close(shuffled, context[:, order])
    assert_close(shuffled_weights, attended[:, order][:, :, order])
    assert_close(context, F.scaled_dot_product_attention(*(x @ w for w in weights)))


@checks("self_attention")
def test_first_position_sees_only_itself(lab, rng):
    """With causal=True the first context is the first value; its weight is 1."""
    x, w_query, w_key, w_value = normal(rng, 3, 4, 2), normal(rng, 2, 5), normal(rng, 2, 5), normal(rng, 2, 3)
    context, attended = lab.self_attention(x, w_query, w_key, w_value, causal=True)
    assert_close(context[:, 0], x[:, 0] @ w_value)
    assert_close(attended[:, 0, 0], torch.ones(3, dtype=torch.float64))


@checks("self_attention")
def test_gradients_reach_the_input_and_all_three_matrices(lab, rng):
    ours = [leaf(rng, 2, 4, 3), leaf(rng, 3, 2), leaf(rng, 3, 2), leaf(rng, 3, 5)]
    theirs = [tensor.detach().clone().requires_grad_() for tensor in ours]
    direction = normal(rng, 2, 4, 5)
    actual = gradients(lab.self_attention(*ours)[0], ours, direction)
    x, w_query, w_key, w_value = theirs
    expected = gradients(
        F.scaled_dot_product_attention(x @ w_query, x @ w_key, x @ w_value), theirs, direction
    )
    for got, wanted in zip(actual, expected, strict=True):
        assert_close(got, wanted)


# --- cross_attention -----------------------------------------------------------------------------------


@checks("cross_attention")
@given(
    seed=SEEDS, queries=st.integers(1, 4), keys=st.integers(1, 6), widths=st.tuples(*[st.integers(1, 4)] * 4)
)
def test_agrees_with_pytorch_on_each_example_cut_to_its_length(lab, seed, queries, keys, widths):
    """Queries come from x, keys and values from the memory; padding is as if it were not there."""
    rng = np.random.default_rng(seed)
    d_model, d_memory, d_k, d_v = widths
    x, memory, lengths = (
        normal(rng, 3, queries, d_model),
        normal(rng, 3, keys, d_memory),
        rng.integers(1, keys + 1, 3),
    )
    w_query, w_key, w_value = (
        normal(rng, d_model, d_k),
        normal(rng, d_memory, d_k),
        normal(rng, d_memory, d_v),
    )
    context, weights = lab.cross_attention(x, memory, torch.from_numpy(lengths), w_query, w_key, w_value)
    assert weights.shape == (3, queries, keys)
    for b, length in enumerate(lengths):
        heard = memory[b, :length]
        assert_close(
            context[b], F.scaled_dot_product_attention(x[b] @ w_query, heard @ w_key, heard @ w_value)
        )
        assert bool((weights[b, :, length:] == 0).all())


@checks("cross_attention")
def test_square_sizes_are_not_confused(lab, rng):
    """As many queries as keys, all widths equal: roles of x and memory must still be kept apart."""
    x, memory, weights = normal(rng, 4, 4, 4), normal(rng, 4, 4, 4), [normal(rng, 4, 4) for _ in range(3)]
    lengths = torch.tensor([4, 1, 3, 2])
    context, _ = lab.cross_attention(x, memory, lengths, *weights)
    mask = torch.arange(4)[None, None, :] < lengths[:, None, None]
    query, key, value = x @ weights[0], memory @ weights[1], memory @ weights[2]
    assert_close(context, F.scaled_dot_product_attention(query, key, value, attn_mask=mask))


@checks("cross_attention")
def test_memory_of_one_frame_gives_its_value(lab, rng):
    """With a single real frame there is no choice: every context is that frame's value."""
    x, memory = normal(rng, 2, 3, 4), normal(rng, 2, 5, 2)
    w_query, w_key, w_value = normal(rng, 4, 3), normal(rng, 2, 3), normal(rng, 2, 6)
    context, _ = lab.cross_attention(x, memory, torch.tensor([1, 1]), w_query, w_key, w_value)
    assert_close(context, (memory[:, :1] @ w_value).expand(2, 3, 6))


@checks("cross_attention")
def test_empty_memory_gives_zeros(lab, rng):
    """An example of length 0 gives zero weights and a zero context, not NaN."""
    x, memory, weights = normal(rng, 2, 3, 4), normal(rng, 2, 5, 4), [normal(rng, 4, 4) for _ in range(3)]
    context, attended = lab.cross_attention(x, memory, torch.tensor([0, 5]), *weights)
    assert bool((context[0] == 0).all())
    assert bool((attended[0] == 0).all())
    assert_close(attended[1].sum(-1), torch.ones(3, dtype=torch.float64))


@checks("cross_attention")
def test_gradients_reach_both_sequences_but_not_the_padding(lab, rng):
    """The memory's padding has the gradient 0; the rest has that of PyTorch's attention."""
    ours = [leaf(rng, 2, 3, 4), leaf(rng, 2, 5, 2), leaf(rng, 4, 3), leaf(rng, 2, 3), leaf(rng, 2, 6)]
    theirs = [tensor.detach().clone().requires_grad_() for tensor in ours]
    lengths, direction = torch.tensor([3, 5]), normal(rng, 2, 3, 6)
    actual = gradients(lab.cross_attention(ours[0], ours[1], lengths, *ours[2:])[0], ours, direction)
    x, memory, w_query, w_key, w_value = theirs
    mask = torch.arange(5)[None, None, :] < lengths[:, None, None]
    oracle = F.scaled_dot_product_attention(x @ w_query, memory @ w_key, memory @ w_value, attn_mask=mask)
    for got, wanted in zip(actual, gradients(oracle, theirs, direction), strict=True):
        assert_close(got, wanted)
    assert bool((actual[1][0, 3:] == 0).all())


# --- split_heads and merge_heads -----------------------------------------------------------------------


@checks("split_heads", visible=True)
def test_each_head_sees_all_frames_of_its_own_features(lab):
    x = torch.arange(2 * 3 * 6.0).view(2, 3, 6)
    heads = lab.split_heads(x, 3)
    assert heads.shape == (2, 3, 3, 2)
    for h in range(3):
        assert torch.equal(heads[:, h], x[:, :, 2 * h : 2 * h + 2])


@checks("split_heads")
@given(
    seed=SEEDS,
    batch=st.integers(1, 3),
    time=st.integers(1, 5),
    n_heads=st.integers(1, 4),
    d_head=st.integers(1, 4),
)
def test_head_h_holds_slice_h_for_any_sizes(lab, seed, batch, time, n_heads, d_head):
    """Cutting the features with torch.chunk and stacking the pieces must give the same heads."""
    x = normal(np.random.default_rng(seed), batch, time, n_heads * d_head)
    expected = torch.stack(x.chunk(n_heads, dim=-1), dim=1)
    assert_close(lab.split_heads(x, n_heads), expected)


@checks("split_heads")
def test_gradient_of_one_head_stays_in_its_slice(lab, rng):
    """Only the features of head 1 have a gradient if only head 1 is used."""
    x = leaf(rng, 2, 3, 8)
    heads = lab.split_heads(x, 4)
    assert heads.shape == (2, 4, 3, 2)
    (gradient,) = gradients(heads[:, 1], [x], torch.ones(2, 3, 2))
    expected = torch.zeros(2, 3, 8, dtype=torch.float64)
    expected[:, :, 2:4] = 1.0
    assert_close(gradient, expected)


@checks("split_heads", visible=True)
@pytest.mark.parametrize("n_heads", [4, 0, -2, 7])
def test_heads_that_do_not_divide_the_width_are_refused(lab, n_heads):
    with pytest.raises(ValueError):
        lab.split_heads(torch.ones(1, 2, 6), n_heads)


@checks("merge_heads", visible=True)
def test_features_of_the_heads_stand_side_by_side(lab):
    x = torch.arange(2 * 3 * 4 * 2.0).view(2, 3, 4, 2)
    merged = lab.merge_heads(x)
    assert merged.shape == (2, 4, 6)
    for h in range(3):
        assert torch.equal(merged[:, :, 2 * h : 2 * h + 2], x[:, h])


@checks("merge_heads")
@given(
    seed=SEEDS,
    batch=st.integers(1, 3),
    time=st.integers(1, 5),
    n_heads=st.integers(1, 4),
    d_head=st.integers(1, 4),
)
def test_merging_undoes_cutting(lab, seed, batch, time, n_heads, d_head):
    """Features cut with torch.chunk and stacked as heads come back as they were."""
    x = normal(np.random.default_rng(seed), batch, time, n_heads * d_head)
    assert_close(lab.merge_heads(torch.stack(x.chunk(n_heads, dim=-1), dim=1)), x)


@checks("merge_heads")
def test_agrees_with_concatenating_the_heads(lab, rng):
    """torch.cat of the heads along the features is the same."""
    x = normal(rng, 3, 4, 5, 2)
    assert_close(lab.merge_heads(x), torch.cat(x.unbind(1), dim=-1))


@checks("merge_heads")
def test_gradient_goes_back_to_the_head_it_came_from(lab, rng):
    x, direction = leaf(rng, 2, 3, 4, 2), normal(rng, 2, 4, 6)
    (gradient,) = gradients(lab.merge_heads(x), [x], direction)
    assert_close(gradient, torch.stack(direction.chunk(3, dim=-1), dim=1))


# --- MultiHeadAttention --------------------------------------------------------------------------------

PROJECTIONS = ("q_proj", "k_proj", "v_proj", "out_proj")


def multi_head_pair(lab, rng, d_model, n_heads, d_memory=None):
    """The module under test and torch.nn.MultiheadAttention with the same weights."""
    width = d_memory or d_model
    state = {}
    for name, inputs in zip(PROJECTIONS, (d_model, width, width, d_model), strict=True):
        state[f"{name}.weight"], state[f"{name}.bias"] = (
            normal(rng, d_model, inputs) / 2,
            normal(rng, d_model),
        )
    options = {} if d_memory is None else {"d_memory": d_memory}
    ours = lab.MultiHeadAttention(d_model, n_heads, **options)
    ours.double()
    ours.load_state_dict(state)
    theirs = nn.MultiheadAttention(d_model, n_heads, kdim=width, vdim=width, batch_first=True).double()
    weights = [state[f"{name}.weight"] for name in PROJECTIONS[:3]]
    with torch.no_grad():
        if theirs.in_proj_weight is not None:
            theirs.in_proj_weight.copy_(torch.cat(weights))
        else:
            for parameter, weight in zip(
                (theirs.q_proj_weight, theirs.k_proj_weight, theirs.v_proj_weight), weights, strict=True
            ):
                parameter.copy_(weight)
        theirs.in_proj_bias.copy_(torch.cat([state[f"{name}.bias"] for name in PROJECTIONS[:3]]))
        theirs.out_proj.weight.copy_(state["out_proj.weight"])
        theirs.out_proj.bias.copy_(state["out_proj.bias"])
    return ours, theirs


def oracle_attention(module, x, memory, mask=None):
    """Output and weights per head; PyTorch's module wants True where a key is dropped, per head."""
    if mask is not None:
        mask = ~mask.expand(len(x), x.shape[1], memory.shape[1]).repeat_interleave(module.num_heads, dim=0)
    return module(x, memory, memory, attn_mask=mask, average_attn_weights=False)


@checks("MultiHeadAttention")
def test_self_attention_agrees_with_pytorch(lab, rng):
    """With the weights of torch.nn.MultiheadAttention copied in, output and weights must be its own."""
    ours, theirs = multi_head_pair(lab, rng, 12, 3)
    x = normal(rng, 2, 5, 12)
    output, weights = ours(x)
    expected, expected_weights = oracle_attention(theirs, x, x)
    assert_close(output, expected)
    assert_close(weights, expected_weights)


@checks("MultiHeadAttention")
def test_cross_attention_to_a_memory_of_another_width_agrees_with_pytorch(lab, rng):
    ours, theirs = multi_head_pair(lab, rng, 8, 2, d_memory=5)
    x, memory = normal(rng, 3, 4, 8), normal(rng, 3, 7, 5)
    output, weights = ours(x, memory)
    expected, expected_weights = oracle_attention(theirs, x, memory)
    assert_close(output, expected)
    assert_close(weights, expected_weights)


@checks("MultiHeadAttention")
@given(
    seed=SEEDS,
    n_heads=st.integers(1, 3),
    d_head=st.integers(1, 4),
    sizes=st.tuples(*[st.integers(1, 5)] * 3),
    shape=st.sampled_from(["queries keys", "batch 1 keys", "batch queries keys", "1 queries keys"]),
)
def test_mask_hides_the_same_keys_from_every_head(lab, seed, n_heads, d_head, sizes, shape):
    """True = may be used, for masks of every allowed shape; compared with PyTorch, where True = drop."""
    rng = np.random.default_rng(seed)
    batch, queries, keys = sizes
    named = {"batch": batch, "queries": queries, "keys": keys, "1": 1}
    mask = some_mask(rng, *(named[axis] for axis in shape.split()))
    ours, theirs = multi_head_pair(lab, rng, n_heads * d_head, n_heads)
    x, memory = normal(rng, batch, queries, n_heads * d_head), normal(rng, batch, keys, n_heads * d_head)
    output, weights = ours(x, memory, mask)
    expected, expected_weights = oracle_attention(theirs, x, memory, mask)
    assert_close(output, expected)
    assert_close(weights, expected_weights)


@checks("MultiHeadAttention")
def test_query_with_nothing_to_look_at_gets_the_bias_of_the_output(lab, rng):
    """All heads give zeros there, so that only out_proj's bias is left; no NaN, in no gradient."""
    ours, theirs = multi_head_pair(lab, rng, 6, 2)
    x = leaf(rng, 2, 3, 6)
    mask = torch.ones(2, 3, 3, dtype=torch.bool)
    mask[1, 2] = False
    output, weights = ours(x, mask=mask)
    assert_close(output[1, 2], theirs.out_proj.bias.detach())
    assert bool((weights[1, :, 2] == 0).all())
    output.sum().backward()
    assert bool(torch.isfinite(x.grad).all())
    assert all(bool(torch.isfinite(gradient).all()) for gradient in ours.gradients().values())


@checks("MultiHeadAttention")
def test_gradients_of_all_parameters_agree_with_pytorch(lab, rng):
    """The gradient of every weight and bias, and of both inputs."""
    ours, theirs = multi_head_pair(lab, rng, 6, 2)
    inputs = [leaf(rng, 2, 3, 6), leaf(rng, 2, 4, 6)]
    copies = [tensor.detach().clone().requires_grad_() for tensor in inputs]
    direction, mask = normal(rng, 2, 3, 6), some_mask(rng, 2, 3, 4)
    actual = gradients(ours(*inputs, mask=mask)[0], inputs, direction)
    expected = gradients(oracle_attention(theirs, *copies, mask)[0], copies, direction)
    for got, wanted in zip(actual, expected, strict=True):
        assert_close(got, wanted)
    by_name = ours.gradients()
    weights, biases = theirs.in_proj_weight.grad.chunk(3), theirs.in_proj_bias.grad.chunk(3)
    for name, weight, bias in zip(PROJECTIONS, weights, biases, strict=False):
        assert_close(by_name[f"{name}.weight"], weight)
        # the keys' bias adds the same to every score of a query, so its gradient is 0 but for rounding
        assert_close(by_name[f"{name}.bias"], bias)
    assert_close(by_name["out_proj.weight"], theirs.out_proj.weight.grad)
    assert_close(by_name["out_proj.bias"], theirs.out_proj.bias.grad)


@checks("MultiHeadAttention", visible=True)
@pytest.mark.parametrize("d_memory", [None, 3])
def test_parameters_have_the_names_and_shapes_of_the_docstring(lab, d_memory):
    module = lab.MultiHeadAttention(8, 4) if d_memory is None else lab.MultiHeadAttention(8, 4, d_memory)
    shapes = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    inputs = d_memory or 8
    assert shapes == {
        **{f"{name}.bias": (8,) for name in PROJECTIONS},
        **{"q_proj.weight": (8, 8), "k_proj.weight": (8, inputs), "v_proj.weight": (8, inputs)},
        "out_proj.weight": (8, 8),
    }


@checks("MultiHeadAttention", visible=True)
@pytest.mark.parametrize("n_heads", [4, 0, -1])
def test_number_of_heads_must_divide_the_width(lab, n_heads):
    with pytest.raises(ValueError):
        lab.MultiHeadAttention(6, n_heads)


# --- AdditiveAttention ---------------------------------------------------------------------------------


def additive_state(rng, d_query, d_memory, d_attention):
    return {
        "query_proj.weight": normal(rng, d_attention, d_query),
        "query_proj.bias": normal(rng, d_attention),
        "memory_proj.weight": normal(rng, d_attention, d_memory),
        "score_proj.weight": normal(rng, 1, d_attention) * 2,
    }


def loaded(module, state):
    module.double()
    module.load_state_dict(state)
    return module


def additive_oracle(state, query, memory, location=0.0):
    """Scores by the formula; no masks."""
    projected = torch.einsum("ai,bi->ba", state["query_proj.weight"], query) + state["query_proj.bias"]
    compared = (
        torch.einsum("aj,bkj->bka", state["memory_proj.weight"], memory) + projected[:, None] + location
    )
    return torch.einsum("xa,bka->bk", state["score_proj.weight"], torch.tanh(compared))


@checks("AdditiveAttention")
@given(seed=SEEDS, keys=st.integers(1, 6), widths=st.tuples(*[st.integers(1, 5)] * 3))
def test_additive_weights_follow_the_formula(lab, seed, keys, widths):
    """Softmax over the keys of v · tanh(W q + U h + b), number by number; the context mixes the memory so."""
    rng = np.random.default_rng(seed)
    d_query, d_memory, d_attention = widths
    state = additive_state(rng, *widths)
    query, memory, mask = normal(rng, 2, d_query), normal(rng, 2, keys, d_memory), some_mask(rng, 2, keys)
    w, b, u, v = (tensor.numpy() for tensor in state.values())
    scores = [
        [sum(v[0, a] * math.tanh(w[a] @ q + b[a] + u[a] @ h) for a in range(d_attention)) for h in rows]
        for q, rows in zip(query.numpy(), memory.numpy(), strict=True)
    ]
    context, weights = loaded(lab.AdditiveAttention(*widths), state)(query, memory, mask)
    expected = softmax_by_loops(np.array(scores), mask)
    assert_close(weights, expected)
    assert_close(context, torch.stack([row @ rows for row, rows in zip(expected, memory, strict=True)]))


@checks("AdditiveAttention")
def test_additive_padding_is_never_looked_at(lab, rng):
    """What the mask hides may hold any numbers; an example without real rows gives zeros."""
    module = loaded(lab.AdditiveAttention(4, 3, 5), additive_state(rng, 4, 3, 5))
    query, memory = normal(rng, 3, 4), normal(rng, 3, 6, 3)
    mask = torch.arange(6) < torch.tensor([4, 6, 0])[:, None]
    context, weights = module(query, memory, mask)
    other_context, other_weights = module(query, memory.masked_fill(~mask[:, :, None], 50.0), mask)
    assert_close(other_context, context)
    assert_close(other_weights, weights)
    assert_close(weights.sum(-1), torch.tensor([1.0, 1.0, 0.0], dtype=torch.float64))
    assert bool((context[2] == 0).all())


@checks("AdditiveAttention")
def test_additive_attention_without_a_mask_uses_every_row(lab, rng):
    state = additive_state(rng, 3, 4, 2)
    query, memory = normal(rng, 2, 3), normal(rng, 2, 5, 4)
    context, weights = loaded(lab.AdditiveAttention(3, 4, 2), state)(query, memory)
    expected = torch.softmax(additive_oracle(state, query, memory), dim=-1)
    assert_close(weights, expected)
    assert_close(context, torch.einsum("bk,bkj->bj", expected, memory))


@checks("AdditiveAttention")
def test_additive_gradients_agree_with_the_formula(lab, rng):
    """Gradients of all parameters and both inputs, compared with the formula differentiated by PyTorch."""
    state = additive_state(rng, 3, 4, 5)
    module, direction = loaded(lab.AdditiveAttention(3, 4, 5), state), normal(rng, 2, 4)
    inputs = [leaf(rng, 2, 3), leaf(rng, 2, 6, 4)]
    actual = gradients(module(*inputs)[0], inputs, direction)
    copies = [tensor.detach().clone().requires_grad_() for tensor in inputs]
    parameters = {name: tensor.clone().requires_grad_() for name, tensor in state.items()}
    weights = torch.softmax(additive_oracle(parameters, *copies), dim=-1)
    expected = gradients(torch.einsum("bk,bkj->bj", weights, copies[1]), copies, direction)
    for got, wanted in zip(actual, expected, strict=True):
        assert_close(got, wanted)
    by_name = module.gradients()
    for name, parameter in parameters.items():
        assert_close(by_name[name], parameter.grad)


@checks("AdditiveAttention")
def test_additive_gradient_of_the_query_agrees_with_finite_differences(lab, rng):
    """A small step in the query changes the context as the gradient says."""
    module = loaded(lab.AdditiveAttention(3, 2, 4), additive_state(rng, 3, 2, 4))
    query, memory, direction, step = (
        leaf(rng, 1, 3),
        normal(rng, 1, 5, 2),
        normal(rng, 1, 2),
        normal(rng, 1, 3),
    )
    (gradient,) = gradients(module(query, memory)[0], [query], direction)
    epsilon = 1e-5
    ahead, behind = (module(query.detach() + sign * epsilon * step, memory)[0] for sign in (1, -1))
    slope = ((ahead - behind) * direction).sum() / (2 * epsilon)
    # a central difference errs by epsilon² = 1e-10 times a third derivative (some 1e2 here), and by
    # 1e-16 / epsilon = 1e-11 through rounding
    assert float((gradient * step).sum()) == pytest.approx(float(slope), rel=1e-5, abs=1e-7)


@checks("AdditiveAttention", visible=True)
def test_additive_parameters_have_the_names_and_shapes_of_the_docstring(lab):
    shapes = {
        name: tuple(tensor.shape) for name, tensor in lab.AdditiveAttention(3, 4, 5).state_dict().items()
    }
    assert shapes == {
        "query_proj.weight": (5, 3),
        "query_proj.bias": (5,),
        "memory_proj.weight": (5, 4),
        "score_proj.weight": (1, 5),
    }


# --- location_features ---------------------------------------------------------------------------------


@checks("location_features")
@given(
    seed=SEEDS,
    keys=st.integers(1, 9),
    channels=st.integers(1, 3),
    filters=st.integers(1, 3),
    half=st.integers(0, 4),
)
def test_features_are_the_sums_of_the_formula(lab, seed, keys, channels, filters, half):
    """Each feature sums over channels and places around it, for any odd width, even beyond the memory."""
    rng = np.random.default_rng(seed)
    alignments, kernels = (
        rng.random((2, channels, keys)),
        rng.standard_normal((filters, channels, 2 * half + 1)),
    )
    expected = np.zeros((2, keys, filters))
    for place in range(keys):
        for i in range(2 * half + 1):
            if 0 <= place + i - half < keys:
                expected[:, place] += alignments[:, :, place + i - half] @ kernels[:, :, i].T
    features = lab.location_features(torch.from_numpy(alignments), torch.from_numpy(kernels))
    assert_close(features, torch.from_numpy(expected))


@checks("location_features")
def test_agrees_with_correlation_of_numpy(lab, rng):
    """One channel and one filter: numpy.correlate with mode="same"."""
    alignment, kernel = rng.random(12), rng.standard_normal(5)
    features = lab.location_features(
        torch.from_numpy(alignment)[None, None], torch.from_numpy(kernel)[None, None]
    )
    assert features.shape == (1, 12, 1)
    assert_close(features[0, :, 0], torch.from_numpy(np.correlate(alignment, kernel, mode="same")))


@checks("location_features")
def test_last_look_moves_and_its_features_move_along(lab, rng):
    """A look one place further right gives the same features one place further right."""
    kernels = normal(rng, 4, 2, 3)
    here, there = torch.zeros(2, 1, 2, 9, dtype=torch.float64).unbind(0)
    here[0, :, 3] = 1.0
    there[0, :, 4] = 1.0
    first, second = lab.location_features(here, kernels), lab.location_features(there, kernels)
    assert first.shape == (1, 9, 4)
    assert_close(second[:, 1:], first[:, :-1])
    # around a single look the filter shows up in reverse order of its places
    assert_close(first[0, 2:5].flip(0), kernels.sum(1).T)


@checks("location_features")
def test_gradients_of_location_features_agree_with_pytorch(lab, rng):
    ours = [leaf(rng, 2, 3, 6), leaf(rng, 4, 3, 5)]
    theirs = [tensor.detach().clone().requires_grad_() for tensor in ours]
    direction = normal(rng, 2, 6, 4)
    actual = gradients(lab.location_features(*ours), ours, direction)
    expected = gradients(F.conv1d(*theirs, padding="same").transpose(1, 2), theirs, direction)
    for got, wanted in zip(actual, expected, strict=True):
        assert_close(got, wanted)


@checks("location_features", visible=True)
@pytest.mark.parametrize("width", [2, 6])
def test_kernels_without_a_middle_are_refused(lab, width):
    with pytest.raises(ValueError):
        lab.location_features(torch.ones(1, 2, 8), torch.ones(3, 2, width))


# --- LocationSensitiveAttention ------------------------------------------------------------------------


def location_state(rng, d_query, d_memory, d_attention, n_filters, kernel_size):
    state = additive_state(rng, d_query, d_memory, d_attention)
    state["location_kernels"] = normal(rng, n_filters, 2, kernel_size)
    state["location_proj.weight"] = normal(rng, d_attention, n_filters)
    return state


def location_oracle(state, query, memory, previous, cumulative):
    history = torch.stack([previous, cumulative], dim=1)
    features = F.conv1d(history, state["location_kernels"], padding="same")
    return additive_oracle(
        state, query, memory, torch.einsum("af,bfk->bka", state["location_proj.weight"], features)
    )


def history(rng, batch, keys):
    """Weights of a last step, and a sum over several steps."""
    return tuple(torch.from_numpy(rng.dirichlet(np.ones(keys), batch) * steps) for steps in (1.0, 3.0))


@checks("LocationSensitiveAttention")
@given(seed=SEEDS, keys=st.integers(1, 7), widths=st.tuples(*[st.integers(1, 4)] * 4), half=st.integers(0, 3))
def test_location_sensitive_weights_follow_the_formula(lab, seed, keys, widths, half):
    """Softmax of v · tanh(W q + U h + L f + b), with f made of previous and cumulative weights."""
    rng = np.random.default_rng(seed)
    sizes = (*widths, 2 * half + 1)
    state = location_state(rng, *sizes)
    query, memory, mask = normal(rng, 2, widths[0]), normal(rng, 2, keys, widths[1]), some_mask(rng, 2, keys)
    previous, cumulative = history(rng, 2, keys)
    module = loaded(lab.LocationSensitiveAttention(*sizes), state)
    context, weights = module(query, memory, previous, cumulative, mask)
    expected = softmax_by_loops(location_oracle(state, query, memory, previous, cumulative), mask)
    assert_close(weights, expected)
    assert_close(context, torch.einsum("bk,bkj->bj", expected, memory))


@checks("LocationSensitiveAttention")
def test_agrees_with_the_tacotron_2_of_torchaudio(lab, rng):
    """With the weights of torchaudio's Tacotron 2 copied in (it has no bias), results must be its own."""
    from labkit.torchaudio_compat import import_torchaudio

    import_torchaudio()
    from torchaudio.models.tacotron2 import _Attention

    theirs = _Attention(6, 5, 7, 3, 9).double()
    state = {
        "query_proj.weight": theirs.query_layer.weight.detach(),
        "query_proj.bias": torch.zeros(7, dtype=torch.float64),
        "memory_proj.weight": theirs.memory_layer.weight.detach(),
        "score_proj.weight": theirs.v.weight.detach() * 5,
        "location_kernels": theirs.location_layer.location_conv.weight.detach() * 5,
        "location_proj.weight": theirs.location_layer.location_dense.weight.detach() * 5,
    }
    with torch.no_grad():
        theirs.v.weight.mul_(5)
        theirs.location_layer.location_conv.weight.mul_(5)
        theirs.location_layer.location_dense.weight.mul_(5)
    query, memory = normal(rng, 2, 6), normal(rng, 2, 8, 5)
    previous, cumulative = history(rng, 2, 8)
    mask = torch.arange(8) < torch.tensor([8, 5])[:, None]
    with torch.no_grad():
        expected, expected_weights = theirs(
            query, memory, theirs.memory_layer(memory), torch.stack([previous, cumulative], 1), ~mask
        )
    module = loaded(lab.LocationSensitiveAttention(6, 5, 7, n_filters=3, kernel_size=9), state)
    context, weights = module(query, memory, previous, cumulative, mask)
    assert_close(context, expected)
    assert_close(weights, expected_weights)


@checks("LocationSensitiveAttention")
def test_the_finger_moves_the_look(lab, rng):
    """Among equal rows of the memory, a filter for "just right of the last look" makes the next place win."""
    state = {name: torch.zeros_like(tensor) for name, tensor in location_state(rng, 2, 3, 1, 1, 3).items()}
    state["location_kernels"][0, 0, 0] = 1.0  # channel 0: the previous weights, one place to the left
    state["location_kernels"][0, 1, 1] = -1.0  # channel 1: not where something has been done already
    state["location_proj.weight"][0, 0], state["score_proj.weight"][0, 0] = 1.0, 10.0
    module = loaded(lab.LocationSensitiveAttention(2, 3, 1, n_filters=1, kernel_size=3), state)
    memory, previous, cumulative = (
        torch.ones(1, 7, 3).double(),
        torch.zeros(1, 7).double(),
        torch.zeros(1, 7).double(),
    )
    previous[0, 3], cumulative[0, :4] = 1.0, 1.0
    _, weights = module(torch.ones(1, 2).double(), memory, previous, cumulative)
    scores = 10 * torch.tanh(torch.tensor([[-1.0, -1.0, -1.0, -1.0, 1.0, 0.0, 0.0]], dtype=torch.float64))
    assert_close(weights, torch.softmax(scores, dim=-1))


@checks("LocationSensitiveAttention")
def test_location_sensitive_padding_is_never_looked_at(lab, rng):
    """What the mask hides of the memory may hold any numbers; an example without real rows gives zeros."""
    module = loaded(lab.LocationSensitiveAttention(4, 3, 5, 2, 3), location_state(rng, 4, 3, 5, 2, 3))
    query, memory = normal(rng, 3, 4), normal(rng, 3, 6, 3)
    mask = torch.arange(6) < torch.tensor([4, 6, 0])[:, None]
    context, weights = module(query, memory, *history(rng, 3, 6), mask=mask)
    assert_close(weights.sum(-1), torch.tensor([1.0, 1.0, 0.0], dtype=torch.float64))
    assert bool((weights[0, 4:] == 0).all())
    assert bool((context[2] == 0).all())
    assert_close(context, torch.einsum("bk,bkj->bj", weights, memory))


@checks("LocationSensitiveAttention")
def test_location_sensitive_gradients_agree_with_the_formula(lab, rng):
    """Gradients of all parameters, of the query and the memory, and of both histories."""
    state = location_state(rng, 3, 4, 5, 2, 5)
    module, direction = loaded(lab.LocationSensitiveAttention(3, 4, 5, 2, 5), state), normal(rng, 2, 4)
    inputs = [leaf(rng, 2, 3), leaf(rng, 2, 6, 4), leaf(rng, 2, 6), leaf(rng, 2, 6)]
    actual = gradients(module(*inputs)[0], inputs, direction)
    copies = [tensor.detach().clone().requires_grad_() for tensor in inputs]
    parameters = {name: tensor.clone().requires_grad_() for name, tensor in state.items()}
    weights = torch.softmax(location_oracle(parameters, *copies), dim=-1)
    expected = gradients(torch.einsum("bk,bkj->bj", weights, copies[1]), copies, direction)
    for got, wanted in zip(actual, expected, strict=True):
        assert_close(got, wanted)
    by_name = module.gradients()
    for name, parameter in parameters.items():
        assert_close(by_name[name], parameter.grad)


@checks("LocationSensitiveAttention", visible=True)
def test_location_sensitive_parameters_have_the_names_and_shapes_of_the_docstring(lab):
    module = lab.LocationSensitiveAttention(3, 4, 5)
    shapes = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    assert shapes == {
        "query_proj.weight": (5, 3),
        "query_proj.bias": (5,),
        "memory_proj.weight": (5, 4),
        "location_kernels": (8, 2, 15),
        "location_proj.weight": (5, 8),
        "score_proj.weight": (1, 5),
    }


@checks("LocationSensitiveAttention")
@pytest.mark.parametrize("kernel_size", [5, 31])
def test_location_kernels_start_as_small_random_numbers(lab, kernel_size):
    """Mean 0 and standard deviation 1 / √(2 · kernel_size), over many filters."""
    module = lab.LocationSensitiveAttention(2, 2, 2, n_filters=400, kernel_size=kernel_size)
    kernels = module.state_dict()["location_kernels"]
    # 4000 numbers or more: their standard deviation errs by 1 / √8000 = 1.1 %, their mean by 1.6 % of it;
    # nine times that is never met by chance
    wanted = (2 * kernel_size) ** -0.5
    assert float(kernels.std()) == pytest.approx(wanted, rel=0.1)
    assert float(kernels.mean()) == pytest.approx(0.0, abs=0.15 * wanted)


@checks("LocationSensitiveAttention", visible=True)
@pytest.mark.parametrize("kernel_size", [4, 30])
def test_even_kernel_size_is_refused(lab, kernel_size):
    with pytest.raises(ValueError):
        lab.LocationSensitiveAttention(2, 3, 4, kernel_size=kernel_size)


# --- pictures of the learner's own output --------------------------------------------------------------


def drawing(title, entry=None):
    """A function that draws the first example (and first head) of some weights as a heat map."""

    def draw(output, *args, **options):
        from labkit import plot

        weights = np.asarray(output if entry is None else output[entry], dtype=float)
        return plot.attention(weights.reshape(-1, *weights.shape[-2:])[0], title=title)

    return draw


ROWS_SUM_TO_ONE = "your weights: each row should sum to 1"
dot_picture = picture("dot_product_attention")(drawing(ROWS_SUM_TO_ONE, 1))
softmax_picture = picture("masked_softmax")(
    drawing("your weights: each row should sum to 1 over what may be used")
)
scaled_picture = picture("scaled_dot_product_attention")(drawing(ROWS_SUM_TO_ONE, 1))
causal_picture = picture("causal_mask")(drawing("your mask: row = who looks, column = what is seen"))
padding_picture = picture("padding_mask")(drawing("your mask: row = example, column = position"))
self_picture = picture("self_attention")(drawing(ROWS_SUM_TO_ONE, 1))
cross_picture = picture("cross_attention")(drawing(ROWS_SUM_TO_ONE, 1))
heads_picture = picture("MultiHeadAttention")(
    drawing("your first head's weights: each row should sum to 1", 1)
)
additive_picture = picture("AdditiveAttention")(drawing("your weights: row = example, sum 1", 1))
location_picture = picture("LocationSensitiveAttention")(drawing("your weights: row = example, sum 1", 1))
