"""Wrong variants of the lab on attention, and what to tell who wrote them."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from autograder.checking import lab_beside, mistake

parts = lab_beside(__file__)
masked_softmax = parts.masked_softmax
scaled_dot_product_attention = parts.scaled_dot_product_attention


# --- dot_product_attention -----------------------------------------------------------------------------


def _fitting(query, key, value):
    if query.shape[-1] != key.shape[-1]:
        raise ValueError(f"query is {query.shape[-1]} wide and key {key.shape[-1]}")
    if key.shape[-2] != value.shape[-2]:
        raise ValueError(f"there are {key.shape[-2]} keys and {value.shape[-2]} values")
    return query @ key.transpose(-2, -1)


@mistake(
    "dot_product_attention",
    "Your softmax runs over the queries: each *key* shares out a weight of 1. Each query must share it out"
    " over the keys, which are the last axis.",
)
def dot_softmax_over_queries(query, key, value):
    weights = torch.softmax(_fitting(query, key, value), dim=-2)
    return weights @ value, weights


@mistake(
    "dot_product_attention",
    "You mixed with the raw scores. They become weights only through the softmax.",
)
def dot_without_softmax(query, key, value):
    weights = _fitting(query, key, value)
    return weights @ value, weights


@mistake(
    "dot_product_attention",
    "You divided the scores by √d. That is part 3; this part takes them as they are.",
)
def dot_already_scaled(query, key, value):
    weights = torch.softmax(_fitting(query, key, value) / math.sqrt(query.shape[-1]), dim=-1)
    return weights @ value, weights


@mistake(
    "dot_product_attention",
    "You mixed the keys. Keys are only compared with; what you take home are the values.",
)
def dot_mixes_keys(query, key, value):
    weights = torch.softmax(_fitting(query, key, value), dim=-1)
    return weights @ key, weights


@mistake(
    "dot_product_attention",
    "You divided the scores by their sum. The softmax takes the exponential first.",
)
def dot_normalised_without_exponential(query, key, value):
    scores = _fitting(query, key, value)
    weights = scores / scores.sum(-1, keepdim=True)
    return weights @ value, weights


@mistake(
    "dot_product_attention",
    "It fails for sizes that do not fit with whatever PyTorch says, or not at all. Test the sizes first "
    "and raise a ValueError that names them.",
)
def dot_without_tests(query, key, value):
    weights = torch.softmax(query @ key.transpose(-2, -1), dim=-1)
    return weights @ value, weights


# --- masked_softmax ------------------------------------------------------------------------------------


def _boolean(mask):
    if mask.dtype != torch.bool:
        raise ValueError(f"mask is {mask.dtype}, expected torch.bool")


@mistake(
    "masked_softmax",
    "You hid the weights after the softmax, so the rest no longer sums to 1. Hide the scores before it.",
)
def mask_after_softmax(scores, mask=None):
    weights = torch.softmax(scores, dim=-1)
    if mask is None:
        return weights
    _boolean(mask)
    return weights.masked_fill(~mask, 0.0)


@mistake(
    "masked_softmax",
    "Your mask is upside down: you hid what may be used. Here True means may be used; "
    "nn.MultiheadAttention means the opposite.",
)
def mask_upside_down(scores, mask=None):
    if mask is None:
        return torch.softmax(scores, dim=-1)
    _boolean(mask)
    return masked_softmax(scores, ~mask)


@mistake(
    "masked_softmax",
    "A row in which everything is hidden becomes NaN: with −∞ everywhere the softmax divides 0 by 0. Use a"
    " number that is very low but finite, and think about what that row should be.",
)
def empty_rows_are_nan(scores, mask=None):
    if mask is None:
        return torch.softmax(scores, dim=-1)
    _boolean(mask)
    return torch.softmax(scores.masked_fill(~mask, -math.inf), dim=-1)


@mistake(
    "masked_softmax",
    "The weights are right, but the gradient of a row in which everything is hidden is NaN: you repaired "
    "the NaN after it was made. Do not let it come up: fill with a finite number.",
)
def empty_rows_repaired_too_late(scores, mask=None):
    if mask is None:
        return torch.softmax(scores, dim=-1)
    _boolean(mask)
    added = torch.zeros(mask.shape, dtype=scores.dtype).masked_fill(~mask, -math.inf)
    return torch.nan_to_num(torch.softmax(scores + added, dim=-1), nan=0.0)


@mistake(
    "masked_softmax",
    "A row in which everything is hidden gets equal weights instead of zeros. The softmax always shares "
    "out 1; one more step must take it back there.",
)
def empty_rows_look_everywhere(scores, mask=None):
    if mask is None:
        return torch.softmax(scores, dim=-1)
    _boolean(mask)
    return torch.softmax(scores.masked_fill(~mask, torch.finfo(scores.dtype).min), dim=-1)


@mistake(
    "masked_softmax",
    "You set hidden scores to 0. A score of 0 is not low: its exponential is 1. It must be far below every"
    " real score.",
)
def hidden_scores_are_zero(scores, mask=None):
    if mask is None:
        return torch.softmax(scores, dim=-1)
    _boolean(mask)
    return torch.softmax(scores.masked_fill(~mask, 0.0), dim=-1).masked_fill(~mask, 0.0)


@mistake(
    "masked_softmax",
    "Your −10 000 for hidden scores is not low enough: real scores can be lower still. Take the lowest "
    "finite number of the dtype.",
)
def hidden_scores_not_low_enough(scores, mask=None):
    if mask is None:
        return torch.softmax(scores, dim=-1)
    _boolean(mask)
    return torch.softmax(scores.masked_fill(~mask, -1e4), dim=-1).masked_fill(~mask, 0.0)


@mistake("masked_softmax", "Your softmax runs over another axis than the last. The keys are the last axis.")
def masked_softmax_over_queries(scores, mask=None):
    if mask is None:
        return torch.softmax(scores, dim=-2)
    _boolean(mask)
    hidden = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    return torch.softmax(hidden, dim=-2).masked_fill(~mask, 0.0)


@mistake(
    "masked_softmax",
    "You take any mask. A mask of numbers can mean anything (0 and 1, or 0 and −∞): refuse it with a "
    "ValueError.",
)
def any_mask_is_taken(scores, mask=None):
    return masked_softmax(scores, None if mask is None else mask.bool())


# --- scaled_dot_product_attention ----------------------------------------------------------------------


def _scaled_by(divisor, query, key, value, mask):
    weights = masked_softmax(query @ key.transpose(-2, -1) / divisor, mask)
    return weights @ value, weights


@mistake(
    "scaled_dot_product_attention",
    "Your scores are not scaled. Divide them by the root of the query's width.",
)
def not_scaled(query, key, value, mask=None):
    return _scaled_by(1.0, query, key, value, mask)


@mistake(
    "scaled_dot_product_attention",
    "You divided by the width. A sum of d terms grows like √d: divide by the root.",
)
def scaled_by_width(query, key, value, mask=None):
    return _scaled_by(query.shape[-1], query, key, value, mask)


@mistake(
    "scaled_dot_product_attention",
    "You scaled by the number of keys. What makes scores large is the width of the query, its last axis.",
)
def scaled_by_number_of_keys(query, key, value, mask=None):
    return _scaled_by(math.sqrt(key.shape[-2]), query, key, value, mask)


@mistake(
    "scaled_dot_product_attention",
    "You scaled the weights after the softmax, so they no longer sum to 1. Scale the scores before it.",
)
def scaled_after_softmax(query, key, value, mask=None):
    weights = masked_softmax(query @ key.transpose(-2, -1), mask) / math.sqrt(query.shape[-1])
    return weights @ value, weights


@mistake("scaled_dot_product_attention", "The mask has no effect. Hand it on to masked_softmax.")
def scaled_ignores_mask(query, key, value, mask=None):
    return _scaled_by(math.sqrt(query.shape[-1]), query, key, value, None)


@mistake(
    "scaled_dot_product_attention",
    "Your mask works the wrong way round. masked_softmax takes True for may be used: do not invert it.",
)
def scaled_inverts_mask(query, key, value, mask=None):
    return _scaled_by(math.sqrt(query.shape[-1]), query, key, value, None if mask is None else ~mask)


# --- causal_mask ---------------------------------------------------------------------------------------


def _square(length):
    if length < 1:
        raise ValueError(f"length is {length}, expected at least 1")
    return torch.ones(length, length, dtype=torch.bool)


@mistake(
    "causal_mask",
    "Your mask hides the diagonal: a position may look at itself, and the first has nothing else.",
)
def diagonal_hidden(length):
    return _square(length).tril(-1)


@mistake(
    "causal_mask",
    "Your mask shows the future and hides the past: rows are who looks, columns what is seen.",
)
def future_shown(length):
    return _square(length).triu()


@mistake(
    "causal_mask",
    "Your mask is True where a key must be hidden. In this lab True means may be looked at.",
)
def causal_true_means_hidden(length):
    return _square(length).triu(1)


@mistake("causal_mask", "Your mask lets each position see one step into the future: it is off by one.")
def one_step_of_future(length):
    return _square(length).tril(1)


@mistake("causal_mask", "Your mask holds numbers. It must be boolean: dtype=torch.bool.")
def causal_of_numbers(length):
    return _square(length).tril().float()


@mistake(
    "causal_mask",
    "That is a mask to be added to scores (0 and −∞). Here a mask is boolean: True = may be used.",
)
def causal_to_be_added(length):
    return torch.zeros(length, length).masked_fill(~_square(length).tril(), -math.inf)


# --- padding_mask --------------------------------------------------------------------------------------


def _possible(lengths, max_length):
    if bool((lengths < 0).any()) or bool((lengths > max_length).any()):
        raise ValueError(f"lengths is {lengths.tolist()}, expected every length from 0 to {max_length}")
    return torch.arange(max_length)


@mistake(
    "padding_mask",
    "Off by one: the first padding position counts as real. Positions count from 0, so position 3 is the "
    "fourth.",
)
def one_position_too_many(lengths, max_length):
    return _possible(lengths, max_length) <= lengths[:, None]


@mistake("padding_mask", "Off by one: the last real position counts as padding.")
def one_position_too_few(lengths, max_length):
    return _possible(lengths, max_length) < lengths[:, None] - 1


@mistake(
    "padding_mask",
    "True marks the padding. That is nn.MultiheadAttention's convention; in this lab True marks what is "
    "real.",
)
def padding_true_means_padding(lengths, max_length):
    return _possible(lengths, max_length) >= lengths[:, None]


@mistake("padding_mask", "Your padding is in front. The real positions come first, the padding behind them.")
def padding_in_front(lengths, max_length):
    return _possible(lengths, max_length) >= max_length - lengths[:, None]


@mistake("padding_mask", "Your mask holds numbers. It must be boolean, as a comparison gives it.")
def padding_of_numbers(lengths, max_length):
    return (_possible(lengths, max_length) < lengths[:, None]).float()


@mistake(
    "padding_mask",
    "Lengths that cannot be (negative, or beyond max_length) pass silently. Refuse them with a ValueError.",
)
def impossible_lengths_pass(lengths, max_length):
    return torch.arange(max_length) < lengths[:, None]


# --- self_attention ------------------------------------------------------------------------------------


def _mask_of(x, causal):
    return parts.causal_mask(x.shape[1]) if causal else None


@mistake("self_attention", "You mixed the input itself. The values are the input times w_value.")
def values_not_projected(x, w_query, w_key, w_value, causal=False):
    return scaled_dot_product_attention(x @ w_query, x @ w_key, x, _mask_of(x, causal))


@mistake("self_attention", "Queries and keys are exchanged: make queries with w_query and keys with w_key.")
def queries_and_keys_exchanged(x, w_query, w_key, w_value, causal=False):
    return scaled_dot_product_attention(x @ w_key, x @ w_query, x @ w_value, _mask_of(x, causal))


@mistake("self_attention", "Your values are the keys. The values have a matrix of their own, w_value.")
def values_are_keys(x, w_query, w_key, w_value, causal=False):
    return scaled_dot_product_attention(x @ w_query, x @ w_key, x @ w_key, _mask_of(x, causal))


@mistake("self_attention", "causal=True has no effect: positions still see the future.")
def causal_ignored(x, w_query, w_key, w_value, causal=False):
    return scaled_dot_product_attention(x @ w_query, x @ w_key, x @ w_value)


@mistake("self_attention", "You hide the future always. Do it only with causal=True.")
def always_causal(x, w_query, w_key, w_value, causal=False):
    return scaled_dot_product_attention(x @ w_query, x @ w_key, x @ w_value, _mask_of(x, True))


@mistake("self_attention", "Your causal mask is inverted: positions see only the future.")
def causal_inverted(x, w_query, w_key, w_value, causal=False):
    mask = _mask_of(x, causal)
    return scaled_dot_product_attention(x @ w_query, x @ w_key, x @ w_value, None if mask is None else ~mask)


# --- cross_attention -----------------------------------------------------------------------------------


def _memory_mask(memory, lengths):
    return parts.padding_mask(lengths, memory.shape[1])


@mistake("cross_attention", "The padding is looked at. Make a padding mask of memory_lengths.")
def memory_padding_seen(x, memory, memory_lengths, w_query, w_key, w_value):
    return scaled_dot_product_attention(x @ w_query, memory @ w_key, memory @ w_value)


@mistake(
    "cross_attention",
    "Your mask [batch, keys] meets weights [batch, queries, keys] without a query axis, so PyTorch lines "
    "up the batch with the queries. Insert an axis of size 1 in the middle.",
)
def mask_without_query_axis(x, memory, memory_lengths, w_query, w_key, w_value):
    mask = _memory_mask(memory, memory_lengths)
    return scaled_dot_product_attention(x @ w_query, memory @ w_key, memory @ w_value, mask)


@mistake(
    "cross_attention",
    "Your mask has its new axis at the end, [batch, keys, 1]: it hides queries instead of keys. It must be"
    " in the middle.",
)
def mask_over_queries(x, memory, memory_lengths, w_query, w_key, w_value):
    mask = _memory_mask(memory, memory_lengths)[:, :, None]
    return scaled_dot_product_attention(x @ w_query, memory @ w_key, memory @ w_value, mask)


@mistake("cross_attention", "Roles exchanged: x asks, the memory is looked at. Here the memory asks.")
def memory_asks(x, memory, memory_lengths, w_query, w_key, w_value):
    mask = _memory_mask(memory, memory_lengths)[:, None, :]
    return scaled_dot_product_attention(memory @ w_query, x @ w_key, x @ w_value, mask)


@mistake("cross_attention", "Your values come from x. What is taken home are values of the memory.")
def values_from_the_asker(x, memory, memory_lengths, w_query, w_key, w_value):
    mask = _memory_mask(memory, memory_lengths)[:, None, :]
    return scaled_dot_product_attention(x @ w_query, memory @ w_key, x @ w_value, mask)


@mistake("cross_attention", "You hid the real frames and showed the padding: True means may be used.")
def memory_mask_inverted(x, memory, memory_lengths, w_query, w_key, w_value):
    mask = ~_memory_mask(memory, memory_lengths)[:, None, :]
    return scaled_dot_product_attention(x @ w_query, memory @ w_key, memory @ w_value, mask)


# --- split_heads and merge_heads -----------------------------------------------------------------------


def _d_head(x, n_heads):
    if n_heads < 1 or x.shape[-1] % n_heads:
        raise ValueError(f"n_heads is {n_heads}, expected a divisor of d_model = {x.shape[-1]}")
    return x.shape[-1] // n_heads


@mistake(
    "split_heads",
    "The shape is right but the numbers are mixed up: a view straight to [batch, heads, time, d_head] cuts"
    " along time. Cut the features first, then move the axis.",
)
def view_without_transpose(x, n_heads):
    return x.reshape(x.shape[0], n_heads, x.shape[1], _d_head(x, n_heads))


@mistake(
    "split_heads",
    "You dealt the features out like cards: head 0 has features 0, 2, 4 … Each head gets neighbours: the "
    "first d_head features go to head 0.",
)
def heads_interleaved(x, n_heads):
    return x.reshape(x.shape[0], x.shape[1], _d_head(x, n_heads), n_heads).permute(0, 3, 1, 2)


@mistake(
    "split_heads",
    "The heads are still behind the time. Bring them in front: [batch, heads, time, d_head].",
)
def heads_left_behind_time(x, n_heads):
    return x.reshape(x.shape[0], x.shape[1], n_heads, _d_head(x, n_heads))


@mistake("split_heads", "You took n_heads for the width of a head. It is how many there are.")
def heads_as_wide_as_many(x, n_heads):
    return x.reshape(x.shape[0], x.shape[1], _d_head(x, n_heads), n_heads).transpose(1, 2)


@mistake(
    "split_heads",
    "A number of heads that does not divide the width (or is not positive) must be refused with a "
    "ValueError; you left it to PyTorch.",
)
def any_number_of_heads(x, n_heads):
    d_head = x.shape[-1] // n_heads if n_heads else x.shape[-1]
    return x.reshape(x.shape[0], x.shape[1], n_heads, d_head).transpose(1, 2)


@mistake(
    "merge_heads",
    "The shape is right but the numbers are mixed up: reshaping before the transpose puts one head's "
    "frames beside each other. Move the axis back first.",
)
def merged_without_transpose(x):
    batch, n_heads, time, d_head = x.shape
    return x.reshape(batch, time, n_heads * d_head)


@mistake(
    "merge_heads",
    "You dealt the heads out like cards: feature 0 of all heads, then feature 1 … Each head's features "
    "must stay together.",
)
def merged_interleaved(x):
    batch, n_heads, time, d_head = x.shape
    return x.permute(0, 2, 3, 1).reshape(batch, time, n_heads * d_head)


@mistake("merge_heads", "You averaged the heads. They are put beside each other, so that nothing is lost.")
def heads_averaged(x):
    return x.mean(dim=1)


@mistake(
    "merge_heads",
    "You laid the heads behind each other in time. They belong beside each other, as features.",
)
def heads_in_a_row(x):
    batch, n_heads, time, d_head = x.shape
    return x.reshape(batch, n_heads * time, d_head)


# --- MultiHeadAttention --------------------------------------------------------------------------------


class _Heads(parts.MultiHeadAttention):
    """The steps of the reference one by one, so that each can be done wrongly."""

    def split(self, x):
        return parts.split_heads(x, self.n_heads)

    def scale(self, query):
        return math.sqrt(query.shape[-1])

    def softmax(self, scores, mask):
        return masked_softmax(scores, mask)

    def forward(self, x, memory=None, mask=None):
        memory = x if memory is None else memory
        mask = None if mask is None else mask.unsqueeze(-3)
        query, key = self.split(self.q_proj(x)), self.split(self.k_proj(memory))
        value = self.split(self.v_proj(memory))
        weights = self.softmax(query @ key.transpose(-2, -1) / self.scale(query), mask)
        return self.finish(weights @ value), weights

    def finish(self, context):
        return self.out_proj(parts.merge_heads(context))


@mistake(
    "MultiHeadAttention",
    "You scaled by the model's width, √d_model. Inside a head the dot product adds up d_head terms: divide"
    " by √d_head.",
)
class ScaledByModelWidth(_Heads):
    def scale(self, query):
        return math.sqrt(query.shape[-1] * self.n_heads)


@mistake(
    "MultiHeadAttention",
    "You viewed straight to [batch, heads, time, d_head]. The shape is right but heads now hold pieces of "
    "time: use split_heads.",
)
class HeadsByView(_Heads):
    def split(self, x):
        return x.reshape(x.shape[0], self.n_heads, x.shape[1], -1)


@mistake("MultiHeadAttention", "The last projection is missing: the merged heads go through out_proj.")
class WithoutOutputProjection(_Heads):
    def finish(self, context):
        return parts.merge_heads(context)


@mistake(
    "MultiHeadAttention",
    "Your merged heads are mixed up: reshaping [batch, heads, time, d_head] without moving the heads back."
    " Use merge_heads.",
)
class MergedByView(_Heads):
    def finish(self, context):
        return self.out_proj(context.reshape(context.shape[0], context.shape[2], -1))


@mistake(
    "MultiHeadAttention",
    "Your mask works the wrong way round. Here True = may be used; nn.MultiheadAttention's True = drop.",
)
class MaskInverted(_Heads):
    def softmax(self, scores, mask):
        return masked_softmax(scores, None if mask is None else ~mask)


@mistake("MultiHeadAttention", "The mask has no effect: hand it on to the attention.")
class MaskIgnored(_Heads):
    def softmax(self, scores, mask):
        return masked_softmax(scores, None)


@mistake(
    "MultiHeadAttention",
    "Your softmax runs over the queries. Each query shares out 1 over the keys, the last axis.",
)
class HeadsSoftmaxOverQueries(_Heads):
    def softmax(self, scores, mask):
        mask = None if mask is None else mask.expand(scores.shape).transpose(-2, -1)
        return masked_softmax(scores.transpose(-2, -1), mask).transpose(-2, -1)


@mistake("MultiHeadAttention", "The memory is ignored: keys and values must come from it if it is given.")
class MemoryIgnored(_Heads):
    def forward(self, x, memory=None, mask=None):
        return super().forward(x, None, mask)


@mistake(
    "MultiHeadAttention",
    "All heads share one softmax: you attended with the whole vectors. Split into heads before you compare.",
)
class OneHeadOnly(_Heads):
    def split(self, x):
        return x.unsqueeze(1).expand(-1, self.n_heads, -1, -1)

    def finish(self, context):
        return self.out_proj(context[:, 0])


@mistake("MultiHeadAttention", "You averaged the weights over the heads. Return the weights of every head.")
class WeightsAveraged(_Heads):
    def forward(self, x, memory=None, mask=None):
        output, weights = super().forward(x, memory, mask)
        return output, weights.mean(dim=1)


@mistake(
    "MultiHeadAttention",
    "The mask is given no axis for the heads, so PyTorch lines up its batch with the heads. Insert one at "
    "position −3.",
)
class MaskWithoutHeadAxis(_Heads):
    def forward(self, x, memory=None, mask=None):
        memory = x if memory is None else memory
        query, key = self.split(self.q_proj(x)), self.split(self.k_proj(memory))
        value = self.split(self.v_proj(memory))
        weights = self.softmax(query @ key.transpose(-2, -1) / self.scale(query), mask)
        return self.finish(weights @ value), weights


@mistake(
    "MultiHeadAttention",
    "Your projections have no bias. Each of the four is an nn.Linear with weight and bias.",
)
class ProjectionsWithoutBias(_Heads):
    def __init__(self, d_model, n_heads, d_memory=None):
        super().__init__(d_model, n_heads, d_memory)
        for linear in (self.q_proj, self.k_proj, self.v_proj, self.out_proj):
            linear.register_parameter("bias", None)


# --- AdditiveAttention ---------------------------------------------------------------------------------


class _Additive(parts.AdditiveAttention):
    """The steps of the reference one by one, so that each can be done wrongly."""

    def bend(self, total):
        return torch.tanh(total)

    def compare(self, query, memory):
        return self.query_proj(query)[:, None, :] + self.memory_proj(memory)

    def softmax(self, scores, mask):
        return masked_softmax(scores, mask)

    def forward(self, query, memory, mask=None):
        weights = self.softmax(self.score_proj(self.bend(self.compare(query, memory))).squeeze(-1), mask)
        return self.mix(weights, memory), weights

    def mix(self, weights, memory):
        return (weights[:, None, :] @ memory).squeeze(1)


@mistake(
    "AdditiveAttention",
    "The tanh is missing. Without it the query adds the same to every score, and the softmax does not "
    "notice it.",
)
class AdditiveWithoutTanh(_Additive):
    def bend(self, total):
        return total


@mistake("AdditiveAttention", "You multiplied query and memory. This attention adds them; that is its name.")
class AdditiveMultiplies(_Additive):
    def compare(self, query, memory):
        return self.query_proj(query)[:, None, :] * self.memory_proj(memory)


@mistake("AdditiveAttention", "The mask has no effect: padding is looked at.")
class AdditiveMaskIgnored(_Additive):
    def softmax(self, scores, mask):
        return masked_softmax(scores, None)


@mistake(
    "AdditiveAttention",
    "You hid padding after the softmax, so the rest no longer sums to 1: use masked_softmax.",
)
class AdditiveMaskAfterSoftmax(_Additive):
    def softmax(self, scores, mask):
        weights = torch.softmax(scores, dim=-1)
        return weights if mask is None else weights.masked_fill(~mask, 0.0)


@mistake("AdditiveAttention", "Your mask works the wrong way round: True means may be used.")
class AdditiveMaskInverted(_Additive):
    def softmax(self, scores, mask):
        return masked_softmax(scores, None if mask is None else ~mask)


@mistake("AdditiveAttention", "Your softmax runs over the batch. It must run over the keys, the last axis.")
class AdditiveSoftmaxOverBatch(_Additive):
    def softmax(self, scores, mask):
        return masked_softmax(scores.T, None if mask is None else mask.T).T


@mistake("AdditiveAttention", "The bias b is missing: query_proj is an nn.Linear with bias.")
class AdditiveWithoutBias(_Additive):
    def __init__(self, d_query, d_memory, d_attention):
        super().__init__(d_query, d_memory, d_attention)
        self.query_proj = nn.Linear(d_query, d_attention, bias=False)


@mistake(
    "AdditiveAttention",
    "Your context mixes the projected memory. Mix the rows of the memory as they came.",
)
class AdditiveMixesProjection(_Additive):
    def mix(self, weights, memory):
        return (weights[:, None, :] @ self.memory_proj(memory)).squeeze(1)


# --- location_features ---------------------------------------------------------------------------------


def _middle(kernels):
    if kernels.shape[-1] % 2 == 0:
        raise ValueError(f"the kernels are {kernels.shape[-1]} wide, expected an odd width")
    return kernels.shape[-1] // 2


@mistake(
    "location_features",
    "Your filters are reversed. Deep learning's convolution applies the filter as written.",
)
def filters_reversed(alignments, kernels):
    return F.conv1d(alignments, kernels.flip(-1), padding=_middle(kernels)).transpose(1, 2)


@mistake(
    "location_features",
    "All padding is on the left, so a place sees only what is left of it. Put half of the zeros on each "
    "side.",
)
def all_padding_left(alignments, kernels):
    return F.conv1d(F.pad(alignments, (2 * _middle(kernels), 0)), kernels).transpose(1, 2)


@mistake(
    "location_features",
    "There are fewer features than places: you need zeros beyond both ends of the memory.",
)
def without_padding(alignments, kernels):
    _middle(kernels)
    return F.conv1d(alignments, kernels).transpose(1, 2)


@mistake(
    "location_features",
    "Your features are [batch, filters, keys]. Features come last: [batch, keys, filters].",
)
def features_before_places(alignments, kernels):
    return F.conv1d(alignments, kernels, padding=_middle(kernels))


@mistake(
    "location_features",
    "Beyond the ends you repeated the last weight. Nothing is there: it counts as 0.",
)
def ends_repeated(alignments, kernels):
    half = _middle(kernels)
    return F.conv1d(F.pad(alignments, (half, half), mode="replicate"), kernels).transpose(1, 2)


@mistake(
    "location_features",
    "The channels are in reverse order: channel c of the alignments belongs to channel c of a kernel.",
)
def channels_reversed(alignments, kernels):
    return F.conv1d(alignments.flip(1), kernels, padding=_middle(kernels)).transpose(1, 2)


@mistake("location_features", "An even width has no middle. Refuse it with a ValueError.")
def even_width_taken(alignments, kernels):
    return F.conv1d(alignments, kernels, padding="same").transpose(1, 2)


# --- LocationSensitiveAttention ------------------------------------------------------------------------


class _Location(parts.LocationSensitiveAttention):
    """The steps of the reference one by one, so that each can be done wrongly."""

    def channels(self, previous, cumulative):
        return previous, cumulative

    def bend(self, content, location):
        return torch.tanh(content + location)

    def softmax(self, scores, mask):
        return masked_softmax(scores, mask)

    def forward(self, query, memory, previous, cumulative, mask=None):
        history = torch.stack(self.channels(previous, cumulative), dim=1)
        location = self.location_proj(parts.location_features(history, self.location_kernels))
        content = self.query_proj(query)[:, None, :] + self.memory_proj(memory)
        weights = self.softmax(self.score_proj(self.bend(content, location)).squeeze(-1), mask)
        return (weights[:, None, :] @ memory).squeeze(1), weights


@mistake(
    "LocationSensitiveAttention",
    "Both channels hold the previous weights. Channel 1 is the sum of all steps so far, else the network "
    "forgets what is done.",
)
class PreviousTwice(_Location):
    def channels(self, previous, cumulative):
        return previous, previous


@mistake(
    "LocationSensitiveAttention",
    "Both channels hold the cumulative weights. Channel 0 is the previous step, else the network does not "
    "know where it is.",
)
class CumulativeTwice(_Location):
    def channels(self, previous, cumulative):
        return cumulative, cumulative


@mistake(
    "LocationSensitiveAttention",
    "The channels are exchanged: previous is channel 0, cumulative channel 1.",
)
class ChannelsExchanged(_Location):
    def channels(self, previous, cumulative):
        return cumulative, previous


@mistake(
    "LocationSensitiveAttention",
    "You added previous to cumulative. The sum of all steps already contains it.",
)
class PreviousCountedTwice(_Location):
    def channels(self, previous, cumulative):
        return previous, cumulative + previous


@mistake(
    "LocationSensitiveAttention",
    "The location has no influence: add its projected features inside the tanh.",
)
class LocationUnused(_Location):
    def bend(self, content, location):
        return torch.tanh(content)


@mistake(
    "LocationSensitiveAttention",
    "The location is added after the tanh. All three terms belong inside it.",
)
class LocationOutsideTanh(_Location):
    def bend(self, content, location):
        return torch.tanh(content) + location


@mistake(
    "LocationSensitiveAttention",
    "The tanh is missing. Without it the query adds the same to every score.",
)
class LocationWithoutTanh(_Location):
    def bend(self, content, location):
        return content + location


@mistake("LocationSensitiveAttention", "The mask has no effect: padding is looked at.")
class LocationMaskIgnored(_Location):
    def softmax(self, scores, mask):
        return masked_softmax(scores, None)


@mistake("LocationSensitiveAttention", "Your mask works the wrong way round: True means may be used.")
class LocationMaskInverted(_Location):
    def softmax(self, scores, mask):
        return masked_softmax(scores, None if mask is None else ~mask)


@mistake(
    "LocationSensitiveAttention",
    "The location is made of the weights of *this* step, computed without it. It must be made of the steps"
    " before.",
)
class LocationOfTheCurrentStep(_Location):
    def forward(self, query, memory, previous, cumulative, mask=None):
        content = torch.tanh(self.query_proj(query)[:, None, :] + self.memory_proj(memory))
        current = self.softmax(self.score_proj(content).squeeze(-1), mask)
        return super().forward(query, memory, current, cumulative + current, mask)


@mistake("LocationSensitiveAttention", "The bias b is missing: query_proj is an nn.Linear with bias.")
class LocationWithoutBias(_Location):
    def __init__(self, d_query, d_memory, d_attention, n_filters=8, kernel_size=15):
        super().__init__(d_query, d_memory, d_attention, n_filters, kernel_size)
        self.query_proj = nn.Linear(d_query, d_attention, bias=False)


@mistake(
    "LocationSensitiveAttention",
    "Your location kernels start as zeros or as ones. Equal filters learn equal things: start with random "
    "numbers of the size that the docstring gives.",
)
class KernelsStartAsZeros(_Location):
    def __init__(self, d_query, d_memory, d_attention, n_filters=8, kernel_size=15):
        super().__init__(d_query, d_memory, d_attention, n_filters, kernel_size)
        self.location_kernels = nn.Parameter(torch.zeros(n_filters, 2, kernel_size))
