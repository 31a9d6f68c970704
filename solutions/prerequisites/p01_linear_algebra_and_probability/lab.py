# ---
# jupyter:
#   lab:
#     title: Linear algebra and probability
#     topic: 0
#     minutes: 240
#     difficulty: 2
#     needs: []
#     libraries: [numpy]
#     covers:
#       "Linear Algebra: Vectors, matrices, dot products, SVD, eigenvalues": svd
#       "Why: All neural networks are matrix operations":
#         "passage: Why: all neural networks are matrix operations"
#       "Calculus: Derivatives, gradients, chain rule, partial derivatives": gaussian_gradient
#       "Why: Backpropagation relies on chain rule": "passage: Why: backpropagation relies on the chain rule"
#       "Probability & Statistics: Gaussian distributions, Bayesian inference, MLE, MAP": map_mean
#       "Why: Acoustic models are probabilistic; language models use probability":
#         "passage: Why: acoustic models are probabilistic, language models use probability"
# ---

# %% [markdown]
# # Linear algebra and probability
#
# Play the six vowels. Each is a buzz whose colour is set by **three numbers**. Then play the sentence, and
# the clip beside it. Its spectrogram was rebuilt from **a tenth of the numbers**.

# %%
import numpy as np
from jaxtyping import Float, Int

from autograder import check
from labkit import corpora, fast_mode, play, plot, progress, stopwatch, table

SAMPLE_RATE = 8000  # of everything on this page, in Hz
N_FFT, HOP_LENGTH = 256, 64  # 32 ms and 8 ms

# average formants F1, F2, F3 of 33 men, 28 women and 15 children, in Hz
PETERSON_BARNEY = {
    # word: ((men), (women), (children))
    "heed": ((270, 2290, 3010), (310, 2790, 3310), (370, 3200, 3730)),
    "hid": ((390, 1990, 2550), (430, 2480, 3070), (530, 2730, 3600)),
    "head": ((530, 1840, 2480), (610, 2330, 2990), (690, 2610, 3570)),
    "hud": ((640, 1190, 2390), (760, 1400, 2780), (850, 1590, 3360)),
    "hawed": ((570, 840, 2410), (590, 920, 2710), (680, 1060, 3180)),
    "who'd": ((300, 870, 2240), (370, 950, 2670), (430, 1170, 3260)),
}


def vowel(
    formants: tuple[float, ...], pitch: float = 120.0, seconds: float = 0.5
) -> Float[np.ndarray, "time"]:
    """A vowel from its resonances: a buzz of `pitch` Hz through one resonator for each formant."""
    from scipy.signal import lfilter

    samples = np.zeros(round(seconds * SAMPLE_RATE))
    samples[:: round(SAMPLE_RATE / pitch)] = 1.0
    samples = lfilter([1], [1, -0.95], samples)  # the throat's own buzz has less and less treble
    for frequency in formants:
        pole = np.exp((-np.pi * 80 + 2j * np.pi * frequency) / SAMPLE_RATE)  # 80 Hz wide
        samples = lfilter([1], [1, -2 * pole.real, abs(pole) ** 2], samples)
    fade = np.minimum(
        1, 40 * np.minimum(np.arange(len(samples)), np.arange(len(samples))[::-1]) / SAMPLE_RATE
    )
    return 0.4 * fade * samples / np.abs(samples).max()


def analyse(
    samples: Float[np.ndarray, "time"],
) -> tuple[Float[np.ndarray, "frames bins"], Float[np.ndarray, "frames bins"]]:
    """Magnitude and phase of the short-time spectrum, frames in rows."""
    from scipy.signal import stft

    spectrum = stft(samples, SAMPLE_RATE, nperseg=N_FFT, noverlap=N_FFT - HOP_LENGTH)[2].T
    return np.abs(spectrum), np.angle(spectrum)


def resynthesise(
    magnitude: Float[np.ndarray, "frames bins"], phase: Float[np.ndarray, "frames bins"]
) -> Float[np.ndarray, "time"]:
    """The waveform of a magnitude and a phase."""
    from scipy.signal import istft

    # a rebuilt magnitude can dip below zero by a little; a negative size makes no sense
    spectrum = np.maximum(magnitude, 0) * np.exp(1j * phase)
    return istft(spectrum.T, SAMPLE_RATE, nperseg=N_FFT, noverlap=N_FFT - HOP_LENGTH)[1]


digits = corpora.digits()


def sentence() -> tuple[Float[np.ndarray, "time"], str]:
    """About two seconds of speech at 8000 Hz, and where they come from."""
    from scipy.signal import resample_poly

    try:
        clip = corpora.mirror("ljspeech")[1]
    except corpora.CorpusNotFound:
        clips = [digits.clip(word, speaker=0) for word in ("three", "one", "four", "two")]
        return np.concatenate([clip.samples for clip in clips]).astype(np.float64), digits.name
    samples = resample_poly(clip.samples.astype(np.float64), SAMPLE_RATE, clip.sample_rate)
    return samples, f"LJ Speech, “{clip.text}”"


speech, speech_name = sentence()
magnitude, phase = analyse(speech)


def hook(rank: int) -> Float[np.ndarray, "time"]:
    """The sentence from a spectrogram of that rank: you will write what this borrows from NumPy."""
    u, sizes, vt = np.linalg.svd(magnitude, full_matrices=False)
    return resynthesise((u[:, :rank] * sizes[:rank]) @ vt[:rank], phase)


print(f"Sentence: {speech_name}.")
play({word: vowel(formants[0]) for word, formants in PETERSON_BARNEY.items()}, SAMPLE_RATE)
play({"as recorded": speech, "a tenth of its spectrogram": hook(8)[: len(speech)]}, SAMPLE_RATE)

# %% [markdown]
# Two questions run through this lab, and through all of speech technology.
#
# - **How few numbers hold a sound?** That is a question of *linear algebra*.
# - **How sure can one be of what was said?** That is a question of *probability*.
#
# Between the two stands a third: **which way is better?** That is *calculus*, and all training is made of
# it.

# %% [markdown]
# ## What you will build
#
# | your function | answers |
# |---|---|
# | `cosine_similarity` | how alike are two spectra? |
# | `least_squares` | which mixture of these comes closest to that? |
# | `power_iteration`, `symmetric_eigen` | which directions does a matrix only stretch? |
# | `svd`, `low_rank` | which few patterns make up a spectrogram? |
# | `principal_components` | along which axes do vowels differ most? |
# | `gaussian_log_density`, `maximum_likelihood` | how probable is this sound, if it was an *ee*? |
# | `numerical_gradient`, `gaussian_gradient`, `gradient_ascent` | which way to more probable? |
# | `map_mean` | what to believe after three examples? |
# | `log_posterior`, `gaussian_classifier` | which vowel was it, and how sure are we? |
#
# **Who uses this?** For thirty years every speech recogniser scored its sounds with Gaussians, and Kaldi's
# recipes still do. Speaker recognition compares voices by `cosine_similarity`. LoRA fine-tunes Whisper by
# adding matrices of *low rank*, because they hold few numbers.
#
# All functions take **rows as observations**: a matrix `[n, d]` is n sounds with d numbers each.
#
# The line under the cell above says which recordings this page runs on.

# %% [markdown]
# ## The idea
#
# A **vector** is a list of numbers: two formants, or the 129 bins of a spectrum. A **matrix** is a table,
# and also an action: it takes a vector and gives another.
#
# **A number first.** Let
#
# $$A = \begin{pmatrix} 2 & 1 \\ 1 & 2 \end{pmatrix},\qquad x = \begin{pmatrix} 1 \\ 0 \end{pmatrix},\qquad
# Ax = \begin{pmatrix} 2\cdot1 + 1\cdot0 \\ 1\cdot1 + 2\cdot0 \end{pmatrix}
# = \begin{pmatrix} 2 \\ 1 \end{pmatrix}.$$
#
# Each entry of the result is a **dot product**: multiply pairwise, add up. A product of two matrices is a
# table of dot products, each row of the first with each column of the second:
#
# $$(AB)_{ij} = \sum_k A_{ik} B_{kj} .$$
#
# In NumPy that is `A @ B`. The inner sizes must agree, `[n, k] @ [k, m]` gives `[n, m]`.
#
# The vector moved *and turned*. But $(1, 1)$ becomes $(3, 3)$: it is only stretched, by 3. Such directions
# are the skeleton of a matrix, and most of the first half of this lab is about finding them.
#
# ### Why: all neural networks are matrix operations
#
# A layer of a network is $y = f(Wx + b)$: one matrix product, one addition, one simple bend $f$. Whisper's
# largest model is some five hundred such matrices. Nearly all its time goes into `@`. Whoever understands
# what a matrix does to a vector can read any architecture in this course.

# %% [markdown]
# ## Part 1: how alike are two spectra?
#
# Say *ee* loudly, then softly. All numbers of the spectrum shrink, yet it is the same sound. What stays is
# the **direction** of the vector. The cosine of the angle between two vectors compares directions only:
#
# $$\cos(x, y) = \frac{x \cdot y}{\lVert x \rVert\, \lVert y \rVert},\qquad
# \lVert x \rVert = \sqrt{x \cdot x} .$$
#
# **A number first.** $x = (3, 4)$ and $y = (4, 3)$: the dot product is $12 + 12 = 24$, both lengths are 5,
# so the cosine is $24/25 = 0.96$, an angle of 16°. It is 1 for equal directions, 0 for a right angle, −1
# for opposite ones. A vector of zeros has no direction; we say 0.


# %% part="cosine_similarity" points=2 difficulty=1 minutes=10 forbids="scipy.spatial sklearn"
def cosine_similarity(x: Float[np.ndarray, "n d"], y: Float[np.ndarray, "m d"]) -> Float[np.ndarray, "n m"]:
    """Cosine of the angle between each row of `x` and each row of `y`.

    Args:
        x, y: one vector per row, any unit; integers are welcome.
    Returns:
        Entry [i, j] is x[i] · y[j] / (‖x[i]‖ ‖y[j]‖), from -1 to 1; 0 where a vector is all zeros.
    Raises:
        ValueError: if `x` and `y` are not matrices with equally many columns.
    Source: Strang, Introduction to Linear Algebra, 5th edition, section 1.2.
    Example:
        >>> cosine_similarity(np.array([[3.0, 4.0]]), np.array([[4.0, 3.0], [6.0, 8.0]])).round(2).tolist()
        [[0.96, 1.0]]
    """
    ### BEGIN SOLUTION
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if (x.ndim, y.ndim, x.shape[1:]) != (2, 2, y.shape[1:]):
        raise ValueError(f"x has shape {x.shape} and y has shape {y.shape}, expected [n, d] and [m, d]")
    lengths = np.outer(np.linalg.norm(x, axis=1), np.linalg.norm(y, axis=1))
    return np.divide(x @ y.T, lengths, out=np.zeros(lengths.shape), where=lengths > 0)
    ### END SOLUTION


# %% [markdown] hints="cosine_similarity"
# 1. All dot products of all pairs of rows are *one* matrix product. Which of the two must be turned?
# 2. `x @ y.T` has shape [n, m]. The lengths of the rows are `np.linalg.norm(x, axis=1)`; you need the
#    product of each length of x with each of y, also [n, m].
# 3. `lengths = np.outer(norm_x, norm_y)`, then divide where `lengths > 0` and leave 0 elsewhere:
#    `np.divide(products, lengths, out=np.zeros(lengths.shape), where=lengths > 0)`.

# %% [markdown]
# Compare the spectra of the six vowels, the same vowels 20 times softer in the rows. The diagonal is 1:
# level does not matter. *heed* and *who'd* agree in their strong first formant, so they come out more alike
# than they sound.


# %%
def mean_spectrum(samples: Float[np.ndarray, "time"]) -> Float[np.ndarray, "bins"]:
    """Average magnitude over time."""
    return analyse(samples)[0].mean(axis=0)


words = list(PETERSON_BARNEY)
templates = np.array([mean_spectrum(vowel(formants[0])) for formants in PETERSON_BARNEY.values()])
plot.matrix(
    cosine_similarity(templates / 20, templates),
    x_ticks=words,
    y_ticks=words,
    x_label="vowel",
    y_label="the same, 20 times softer",
    title="Cosine similarity of vowel spectra",
)

# %% [markdown]
# ## Part 2: least squares
#
# Which mixture of given vectors comes closest to a target? Write the given vectors as the *columns* of $A$;
# then $Ax$ is their mixture with weights $x$. We look for the $x$ with the least squared error
# $\lVert Ax - b \rVert^2$.
#
# **A number first.** One column $a = (1, 1, 2)$, target $b = (1, 2, 4)$. The best weight is
# $x = \frac{a \cdot b}{a \cdot a} = \frac{11}{6} = 1.83$. The rest $b - 1.83\,a = (-0.83, 0.17, 0.33)$ has
# a dot product of 0 with $a$: what is left over has nothing of $a$ in it. It stands at a **right angle**,
# and $Ax$ is the *projection* of $b$, its shadow on what $A$ can reach.
#
# With several columns the rest must be at right angles to all of them, $A^\top (b - Ax) = 0$, or
#
# $$A^\top A\, x = A^\top b .$$
#
# These are the **normal equations**: k equations for k weights. `np.linalg.solve` solves them.


# %% part="least_squares" points=3 difficulty=2 minutes=12 forbids="np.linalg.lstsq np.linalg.pinv scipy"
def least_squares(a: Float[np.ndarray, "n k"], b: Float[np.ndarray, "n"]) -> Float[np.ndarray, "k"]:
    """The weights of the mixture of columns that comes closest to a target.

    Args:
        a: one given vector per column.
        b: target, as long as the columns.
    Returns:
        The x with the smallest ‖a x - b‖².
    Raises:
        ValueError: if `a` is not a matrix with as many rows as `b` is long, or its columns depend on each
            other (one is a mixture of the rest, or there are more columns than rows): then many x are best.
    Source: Strang, Introduction to Linear Algebra, 5th edition, section 4.3.
    Example:
        >>> least_squares(np.array([[1.0], [1.0], [2.0]]), np.array([1.0, 2.0, 4.0])).round(2).tolist()
        [1.83]
    """
    ### BEGIN SOLUTION
    if a.ndim != 2 or b.shape != a.shape[:1]:
        raise ValueError(f"a has shape {a.shape} and b has shape {b.shape}, expected [n, k] and [n]")
    if np.linalg.matrix_rank(a) < a.shape[1]:
        raise ValueError(f"the {a.shape[1]} columns of a depend on each other: no single x is best")
    return np.linalg.solve(a.T @ a, a.T @ b)
    ### END SOLUTION


# %% [markdown] hints="least_squares"
# 1. The normal equations are the whole solution. Which matrix, which right-hand side?
# 2. `np.linalg.solve(M, r)` finds x with M x = r. It fails only when M is *exactly* singular; rounding can
#    hide that. `np.linalg.matrix_rank(a)` counts the columns that are independent.
# 3. Check the shapes, raise if `np.linalg.matrix_rank(a) < a.shape[1]`, then
#    `np.linalg.solve(a.T @ a, a.T @ b)`.

# %% [markdown]
# Mix two vowels, 70 % *heed* and 30 % *hawed*, and ask which of all six are inside.

# %%
mixture = 0.7 * templates[0] + 0.3 * templates[4]
weights = least_squares(templates.T, mixture)
shown = np.abs(weights).round(3)
plot.bars(dict(zip(words, shown, strict=True)), y_label="weight", title="What is in the mixture?")

# %% [markdown]
# ### Formants by least squares
#
# Here is a second use, and this lab depends on it. Predict each sample of a vowel as a mixture of the ten
# samples before it. The best ten weights describe the resonances of the mouth: this is *linear prediction*
# (LPC), which every mobile phone computes fifty times a second. The resonances are the roots of a
# polynomial with these weights. You need not follow the details of the next cell; the lab on classical
# synthesis returns to them. What matters: **`least_squares` is the part that does the work, and it is
# yours.**

# %%
LPC_ORDER = 10  # two weights for each resonance below 4000 Hz, and a few for the rest


def formants_of(samples: Float[np.ndarray, "time"]) -> Float[np.ndarray, "2"] | None:
    """F1 and F2 of a short piece of a vowel at 8000 Hz, in Hz; None if two are not found."""
    samples = np.append(samples[0], samples[1:] - 0.97 * samples[:-1]) * np.hamming(len(samples))
    padded = np.pad(samples, LPC_ORDER)
    past = np.stack([padded[LPC_ORDER - k : len(padded) - k] for k in range(1, LPC_ORDER + 1)], axis=1)
    try:
        predictor = least_squares(past, padded[LPC_ORDER:])
    except ValueError:  # silence
        return None
    roots = np.roots(np.append(1, -predictor))  # NumPy finds them as eigenvalues of a matrix
    roots = roots[roots.imag > 0]
    frequency = np.angle(roots) * SAMPLE_RATE / (2 * np.pi)
    bandwidth = -np.log(np.abs(roots)) * SAMPLE_RATE / np.pi
    found = np.sort(frequency[(frequency > 150) & (frequency < 3700) & (bandwidth < 600)])
    return found[:2] if len(found) >= 2 else None


made = {word: formants[0][:2] for word, formants in PETERSON_BARNEY.items()}
rows = []
for word, (first, second) in made.items():
    measured = formants_of(vowel(PETERSON_BARNEY[word][0])[1600:1856])
    rows.append({"word": word, "made with F1": first, "F2": second})
    rows[-1] |= {"measured F1": measured[0], "measured F2": measured[1]}
table(rows, title="Formants put into synthetic vowels, and found in them again [Hz]")

# %% [markdown]
# ## Part 3: power iteration
#
# Some directions a square matrix only stretches: $A v = \lambda v$. Such a $v$ is an **eigenvector**, the
# factor $\lambda$ its **eigenvalue**. To find the one that is stretched most, multiply again and again:
# whatever you start with, the most stretched part of it takes over.
#
# **A number first.** With $A$ from above and the start $(1, 0)$:
#
# | step | vector | direction |
# |---|---|---|
# | 0 | (1, 0) | 0° |
# | 1 | (2, 1) | 26.6° |
# | 2 | (5, 4) | 38.7° |
# | 3 | (14, 13) | 42.9° |
#
# It turns towards $(1, 1)$ at 45°, and each step makes it nearly 3 times longer. Divide by the length after
# every step, or the numbers overflow. To read off the eigenvalue, ask how much of $Av$ lies along $v$:
# $\lambda \approx v \cdot A v$ for a $v$ of length 1 (the *Rayleigh quotient*).


# %% part="power_iteration" points=3 difficulty=2 minutes=12 forbids="np.linalg scipy.linalg scipy.sparse"
def power_iteration(
    matrix: Float[np.ndarray, "d d"], start: Float[np.ndarray, "d"], n_steps: int
) -> tuple[float, Float[np.ndarray, "d"]]:
    """The eigenvalue of largest size and its eigenvector, by repeated multiplication.

    Args:
        matrix: square.
        start: first vector, of any length but zero.
        n_steps: how many times to multiply; 0 leaves the start as it is.
    Returns:
        (value, vector): the vector after `n_steps` multiplications, scaled to length 1, and its Rayleigh
        quotient vector · matrix vector.
    Raises:
        ValueError: if `matrix` is not square, `start` does not fit it, or the vector becomes zero.
    Source: Golub & Van Loan, Matrix Computations, 4th edition, section 7.3.1.
    Example:
        >>> value, vector = power_iteration(np.array([[2.0, 1.0], [1.0, 2.0]]), np.array([1.0, 0.0]), 20)
        >>> round(value, 6), vector.round(4).tolist()
        (3.0, [0.7071, 0.7071])
    """
    ### BEGIN SOLUTION
    if matrix.shape != (len(start), len(start)):
        raise ValueError(f"matrix has shape {matrix.shape} and start {start.shape}, expected [d, d] and [d]")
    vector = start
    for step in range(n_steps + 1):
        vector = matrix @ vector if step > 0 else vector
        length = np.sqrt(vector @ vector)
        if length == 0:
            raise ValueError(f"the vector is zero after {step} steps: start with another one")
        vector = vector / length
    return float(vector @ matrix @ vector), vector
    ### END SOLUTION


# %% [markdown] hints="power_iteration"
# 1. Two things happen in each step: multiply, then divide by the length. Scale the start as well.
# 2. `np.sqrt(v @ v)` is the length. If it is zero, no direction is left; say so before you divide. The
#    Rayleigh quotient comes once, at the end.
# 3. `v = start / length(start)`; then n_steps times `v = matrix @ v; v = v / length(v)`, raising
#    `ValueError` for a length of 0; return `float(v @ matrix @ v), v`.

# %% [markdown]
# How fast does it settle? The angle to the true direction shrinks by about $\lambda_2 / \lambda_1$ in each
# step: quickly when the largest eigenvalue is well ahead, slowly when the second is close behind. (The
# picture shows one minus the cosine, which shrinks like the square of the angle.)

# %%
curves = {}
for second in (0.3, 0.9, 0.99):
    slow = np.diag([1.0, second])
    errors = [1 - power_iteration(slow, np.ones(2), n)[1][0] for n in range(40)]
    curves[f"second eigenvalue {second}"] = np.maximum(errors, 1e-16)
plot.lines(
    curves, x_label="steps", y_label="1 − cosine to the true direction", log_y=True, title="Power iteration"
)

# %% [markdown]
# ## Part 4: all eigenvectors of a symmetric matrix
#
# A table of similarities or of variances is **symmetric**: entry $ij$ equals entry $ji$. Such a matrix is
# kind. It has d eigenvectors, all at right angles to each other, and all eigenvalues are real. So in the
# right coordinates it is *diagonal*: it only stretches along the axes.
#
# Jacobi found these coordinates in 1846 by turning two axes at a time. Look at axes p and q only:
#
# $$\begin{pmatrix} \alpha & \beta \\ \beta & \gamma \end{pmatrix}\quad\text{is diagonal after a turn by}\quad
# \theta = \tfrac12 \operatorname{atan2}(2\beta,\ \alpha - \gamma) .$$
#
# **A number first.** For $A$ from above, $\alpha = \gamma = 2$ and $\beta = 1$:
# $\theta = \frac12 \operatorname{atan2}(2, 0) = 45°$. Turn by 45° and the diagonal is 3 and 1. These are
# the eigenvalues, and the turned axes $(1, 1)/\sqrt2$ and $(-1, 1)/\sqrt2$ are the eigenvectors.
#
# With more axes, go through all pairs p < q, turning away one $\beta$ after the other. A later turn spoils
# an earlier zero a little, so sweep over all pairs again, `SWEEPS` times. Each sweep leaves far less off
# the diagonal. With the turn
#
# $$R = \begin{pmatrix} \cos\theta & -\sin\theta \\ \sin\theta & \cos\theta \end{pmatrix}$$
#
# one step is: columns p and q of $A$ times $R$, then rows p and q by $R^\top$ times them. Do the same to
# the columns of a matrix $V$ that starts as the identity. In the end $V$ holds the eigenvectors as columns.
#
# An eigenvector times −1 is one too. So that all of us draw the same pictures, `fix_signs` chooses.


# %%
def fix_signs(vectors: Float[np.ndarray, "d k"]) -> Float[np.ndarray, "d k"]:
    """Each column times 1 or -1, so that its first large entry (over half the largest) is positive."""
    if vectors.size == 0:
        return vectors
    sizes = np.abs(vectors)
    lead = np.argmax(sizes > 0.5 * sizes.max(axis=0), axis=0)
    return vectors * np.where(vectors[lead, np.arange(vectors.shape[1])] < 0, -1.0, 1.0)


SWEEPS = 12  # a matrix of 129 rows needs five to eight; what is left after twelve is rounding


# %% part="symmetric_eigen" points=5 difficulty=4 minutes=25 forbids="np.linalg scipy.linalg scipy.sparse"
def symmetric_eigen(
    matrix: Float[np.ndarray, "d d"],
) -> tuple[Float[np.ndarray, "d"], Float[np.ndarray, "d d"]]:
    """All eigenvalues and eigenvectors of a symmetric matrix, by Jacobi's turns.

    Args:
        matrix: symmetric; it must not be changed.
    Returns:
        (values, vectors): eigenvalues from the largest to the smallest (-2 is smaller than 1), and in the
        same order their eigenvectors as columns of length 1, at right angles to each other, signs as
        `fix_signs` chooses.
    Raises:
        ValueError: if `matrix` is not square and symmetric (up to 1e-8 of its largest entry).
    Source: Golub & Van Loan, Matrix Computations, 4th edition, section 8.5.
    Example:
        >>> values, vectors = symmetric_eigen(np.array([[2.0, 1.0], [1.0, 2.0]]))
        >>> values.round(6).tolist(), vectors.round(4).tolist()
        ([3.0, 1.0], [[0.7071, 0.7071], [0.7071, -0.7071]])
    """
    ### BEGIN SOLUTION
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"matrix has shape {matrix.shape}, expected a square one")
    if np.abs(matrix - matrix.T).max() > 1e-8 * np.abs(matrix).max():
        raise ValueError("matrix is not symmetric: entry [i, j] must equal entry [j, i]")
    turned, vectors = np.array(matrix, dtype=np.float64), np.eye(len(matrix))
    for _ in range(SWEEPS):
        for p in range(len(turned)):
            for q in range(p + 1, len(turned)):
                angle = 0.5 * np.arctan2(2 * turned[p, q], turned[p, p] - turned[q, q])
                turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
                turned[:, [p, q]] = turned[:, [p, q]] @ turn
                turned[[p, q]] = turn.T @ turned[[p, q]]
                vectors[:, [p, q]] = vectors[:, [p, q]] @ turn
    order = np.argsort(-np.diag(turned))
    return np.diag(turned)[order], fix_signs(vectors[:, order])
    ### END SOLUTION


# %% [markdown] hints="symmetric_eigen"
# 1. Write it for a 2 × 2 matrix first: one turn is enough. Then put two loops around it for all pairs, and
#    one around those for the sweeps.
# 2. `turned[:, [p, q]]` are two columns and can be assigned to. Columns first, then rows, and the
#    eigenvectors collect the *column* turns only. `matrix` itself must not change: work on a float copy.
# 3. `angle = 0.5 * np.arctan2(2 * A[p, q], A[p, p] - A[q, q])`, R as above,
#    `A[:, [p, q]] = A[:, [p, q]] @ R`, `A[[p, q]] = R.T @ A[[p, q]]`, `V[:, [p, q]] = V[:, [p, q]] @ R`. At
#    the end sort by `np.argsort(-np.diag(A))`, the columns of V likewise, and call `fix_signs`.

# %% [markdown]
# Try it on a matrix that you have seen: the similarities of the six vowels from Part 1. In the coordinates
# of its own eigenvectors nothing is left beside the diagonal.

# %%
similar = cosine_similarity(templates, templates)
values, vectors = symmetric_eigen(similar)
plot.matrix(
    vectors.T @ similar @ vectors,
    x_label="eigenvector",
    y_label="eigenvector",
    title="The similarities, in the coordinates of their eigenvectors",
)
print("eigenvalues:", np.round(values, 3), " their sum:", round(values.sum(), 6), " (the trace: 6)")

# %% [markdown]
# The first eigenvalue holds most of the sum: six spectra have much in common. The last ones are small:
# hardly anything would be lost without them. That thought is the next two parts.

# %% [markdown]
# ## Part 5: the singular value decomposition
#
# A spectrogram is not square. Still it has a skeleton, and it is the most useful one in all of linear
# algebra. **Every** matrix is a sum of simple ones,
#
# $$A = \sum_i \sigma_i\, u_i v_i^\top ,\qquad \sigma_1 \ge \sigma_2 \ge \dots > 0 ,$$
#
# each a column $u_i$ times a row $v_i^\top$. For a spectrogram, $v_i$ is a *spectrum* (one number per bin),
# $u_i$ says *when it sounds* (one number per frame), and $\sigma_i$ says how strongly. All $u_i$ are at
# right angles to each other and have length 1; so do the $v_i$.
#
# You have all you need. $A^\top A$ is symmetric, and its eigenvectors are the $v_i$, with eigenvalues
# $\sigma_i^2$. Then $u_i = A v_i / \sigma_i$.
#
# **A number first.** Let $A = \begin{pmatrix} 2 & 2 \\ 1 & -1 \end{pmatrix}$. Then
# $A^\top A = \begin{pmatrix} 5 & 3 \\ 3 & 5 \end{pmatrix}$ with eigenvalues 8 and 2 along $(1, 1)/\sqrt2$
# and $(1, -1)/\sqrt2$. So $\sigma = 2.83$ and $1.41$, and $u_1 = A v_1 / 2.83 = (1, 0)$, $u_2 = (0, 1)$.
#
# If A has more columns than rows, take $A^\top$ instead: the roles of $u$ and $v$ swap, and the symmetric
# matrix is the smaller one. If some $\sigma_i$ is zero, leave it out (you could not divide by it). Rounding
# makes zeros look like $10^{-8}\,\sigma_1$, because we took a square and a root; so leave out everything
# below $10^{-7}\,\sigma_1$.


# %% part="svd" points=4 difficulty=3 minutes=18 forbids="np.linalg scipy.linalg scipy.sparse sklearn"
def svd(
    matrix: Float[np.ndarray, "n d"],
) -> tuple[Float[np.ndarray, "n r"], Float[np.ndarray, "r"], Float[np.ndarray, "r d"]]:
    """Compact singular value decomposition, from the eigenvectors of the smaller Gram matrix.

    Args:
        matrix: any shape with n rows and d columns.
    Returns:
        (u, sizes, vt) with matrix = (u * sizes) @ vt: columns of `u` and rows of `vt` of length 1 and at
        right angles, `sizes` from the largest to the smallest. Singular values up to 1e-7 of the largest
        count as zero and are left out, so r is the rank; 0 for a matrix of zeros. Signs: `fix_signs` of
        the eigenvectors found, which are `vt.T` if d <= n, else `u`.
    Raises:
        ValueError: if `matrix` has not two dimensions or is empty.
    Source: Golub & Van Loan, Matrix Computations, 4th edition, sections 2.4 and 8.6.
    Example:
        >>> u, sizes, vt = svd(np.array([[2.0, 2.0], [1.0, -1.0]]))
        >>> sizes.round(2).tolist(), vt.round(2).tolist()
        ([2.83, 1.41], [[0.71, 0.71], [0.71, -0.71]])
    """
    ### BEGIN SOLUTION
    if matrix.ndim != 2 or matrix.size == 0:
        raise ValueError(f"matrix has shape {matrix.shape}, expected rows and columns")
    wide = matrix.shape[1] > matrix.shape[0]
    tall = matrix.T if wide else matrix
    values, vectors = symmetric_eigen(tall.T @ tall)
    sizes = np.sqrt(np.maximum(values, 0))  # rounding can leave a zero slightly negative
    kept = sizes > 1e-7 * sizes[0]
    sizes, vectors = sizes[kept], vectors[:, kept]
    others = tall @ vectors / sizes
    return (vectors, sizes, others.T) if wide else (others, sizes, vectors.T)
    ### END SOLUTION


# %% [markdown] hints="svd"
# 1. For a tall matrix: one call of `symmetric_eigen` on $A^\top A$, roots of the eigenvalues, one division.
#    For a wide one, do the same with `matrix.T` and swap the outcome.
# 2. An eigenvalue that should be 0 may come out as $-10^{-17}$, whose root is NaN: raise it to 0 first.
#    Keep a boolean mask `sizes > 1e-7 * sizes[0]` and apply it to the sizes and to the *columns* of the
#    vectors.
# 3. `values, v = symmetric_eigen(tall.T @ tall)`, `sizes = np.sqrt(np.maximum(values, 0))`, mask,
#    `u = tall @ v / sizes`. Return `(u, sizes, v.T)`, or `(v, sizes, u.T)` if you had turned the matrix.

# %% [markdown]
# The sentence from the top: its spectrogram, and its three strongest patterns, *which* spectrum and *when*.
# This takes a few seconds: twelve sweeps over 8256 pairs of axes.

# %%
u, sizes, vt = svd(magnitude)


def level_db(values: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Decibels below the strongest value of the sentence, no less than -70."""
    return 20 * np.log10(np.maximum(np.abs(values) / magnitude.max(), 10 ** (-70 / 20)))


plot.spectrogram(
    level_db(magnitude),
    sample_rate=SAMPLE_RATE,
    hop_length=HOP_LENGTH,
    orient="time_first",
    title=speech_name,
)
bin_hz = np.arange(N_FFT // 2 + 1) * SAMPLE_RATE / N_FFT
frame_seconds = np.arange(len(magnitude)) * HOP_LENGTH / SAMPLE_RATE
plot.lines(
    {f"pattern {i + 1}": (bin_hz, vt[i]) for i in range(3)},
    x_label="frequency [Hz]",
    y_label="weight",
    title="Which spectrum: v",
)
plot.lines(
    {f"pattern {i + 1}": (frame_seconds, u[:, i] * sizes[i]) for i in range(3)},
    x_label="time [s]",
    y_label="strength",
    title="When and how strongly: σ · u",
)

# %% [markdown]
# Pattern 1 never changes sign: it is the average vowel, louder and softer. The others go both ways. They
# *correct* the first one, adding energy here and taking it away there.

# %% [markdown]
# ## Part 6: low rank
#
# Keep only the `rank` strongest terms of the sum. Eckart and Young proved in 1936 that **no other matrix of
# that rank comes closer**. And the error is known before you compute it: what is missing are the dropped
# terms, they stand at right angles, so by Pythagoras
#
# $$\lVert A - A_k \rVert = \sqrt{\sigma_{k+1}^2 + \sigma_{k+2}^2 + \dots} .$$
#
# (The length of a matrix is the root of the sum of all its squares.)
#
# **A number first.** Keep one term of $A$ above: $2.83 \cdot (1, 0)$ times $(1, 1)/\sqrt2$ is
# $\begin{pmatrix} 2 & 2 \\ 0 & 0 \end{pmatrix}$. Missing is $(1, -1)$ of length 1.41, which is $\sigma_2$.


# %% part="low_rank" points=3 difficulty=1 minutes=10
def low_rank(
    u: Float[np.ndarray, "n r"], sizes: Float[np.ndarray, "r"], vt: Float[np.ndarray, "r d"], rank: int
) -> tuple[Float[np.ndarray, "n d"], float]:
    """The closest matrix of a given rank, and how far it is from the whole.

    Args:
        u, sizes, vt: a singular value decomposition, as `svd` returns it.
        rank: how many terms to keep, 0 to r.
    Returns:
        (approximation, error): the sum of the `rank` strongest terms, and the root of the sum of squares of
        all that it leaves out, known from `sizes` alone.
    Raises:
        ValueError: if `rank` is less than 0 or more than r.
    Source: Eckart & Young 1936, The approximation of one matrix by another of lower rank.
    Example:
        >>> half = np.sqrt(0.5)
        >>> vt = np.array([[half, half], [half, -half]])
        >>> closest, error = low_rank(np.eye(2), np.array([np.sqrt(8), np.sqrt(2)]), vt, 1)
        >>> closest.round(6).tolist(), round(error, 4)
        ([[2.0, 2.0], [0.0, 0.0]], 1.4142)
    """
    ### BEGIN SOLUTION
    if not 0 <= rank <= len(sizes):
        raise ValueError(f"rank is {rank}, expected 0 to {len(sizes)}")
    approximation = (u[:, :rank] * sizes[:rank]) @ vt[:rank]
    return approximation, float(np.sqrt(np.sum(sizes[rank:] ** 2)))
    ### END SOLUTION


# %% [markdown] hints="low_rank"
# 1. Cut all three: some columns of u, some sizes, some rows of vt.
# 2. `u[:, :rank] * sizes[:rank]` scales each column by its size, without building a diagonal matrix. The
#    error needs the *other* sizes, `sizes[rank:]`.
# 3. `(u[:, :rank] * sizes[:rank]) @ vt[:rank]` and `float(np.sqrt(np.sum(sizes[rank:] ** 2)))`.

# %%
plot.compare(
    {f"rank {rank}": level_db(low_rank(u, sizes, vt, rank)[0]) for rank in (1, 5, 20)},
    hop_seconds=HOP_LENGTH / SAMPLE_RATE,
    label="bin",
    title="The sentence from 1, 5 and 20 patterns [dB]",
)

# %% [markdown]
# Rank 1 is one spectrum, louder and softer. With 5 the vowels part from the hiss. With 20 you can follow
# the formants. You will hear all three in the practice.

# %% [markdown]
# ## Part 7: principal components
#
# The SVD finds patterns in one matrix. Ask the same of a *cloud of points*: along which axis do the points
# differ most? Subtract the mean first, so that the cloud is centred. Then the **covariance** matrix
#
# $$C = \frac{1}{n-1}\sum_i (x_i - \bar x)(x_i - \bar x)^\top$$
#
# holds the variance of each number on its diagonal, and beside it how two numbers move *together*. Its
# eigenvectors are the **principal components**, its eigenvalues the variances along them.
#
# **A number first.** Three points (1, 1), (2, 2), (3, 3). Both numbers have variance 1 and move together:
# $C = \begin{pmatrix} 1 & 1 \\ 1 & 1 \end{pmatrix}$. Eigenvalues 2 and 0: all variance lies along the
# diagonal. The coordinates along it are −1.41, 0, 1.41, so one number per point is enough.
#
# **Whitening** goes one step further: divide each coordinate by its standard deviation. Then every
# direction has variance 1 and none moves with another. In the example: −1, 0, 1.


# %% part="principal_components" points=4 difficulty=2 minutes=15 forbids="np.linalg scipy.linalg sklearn"
def principal_components(
    observations: Float[np.ndarray, "n d"], n_components: int, whiten: bool = False
) -> tuple[Float[np.ndarray, "n k"], Float[np.ndarray, "k d"], Float[np.ndarray, "k"]]:
    """Coordinates of a cloud of points along the directions in which it varies most.

    Args:
        observations: one point per row, at least two.
        n_components: how many directions, 1 to min(n - 1, d).
        whiten: divide the coordinates by their standard deviations, so that each has variance 1.
    Returns:
        (coordinates, components, variances): each point's position along each direction, counted from the
        mean; the directions as rows, by falling variance, of length 1, signs as `fix_signs` chooses; and
        the variances along them, with n - 1 in the denominator (before whitening).
    Raises:
        ValueError: if `n_components` is less than 1 or more than min(n - 1, d).
    Source: Bishop 2006, Pattern Recognition and Machine Learning, sections 12.1.1 and 12.1.3.
    Example:
        >>> points = np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])
        >>> coordinates, components, variances = principal_components(points, 1)
        >>> coordinates.round(2).tolist(), variances.round(2).tolist()
        ([[-1.41], [0.0], [1.41]], [2.0])
    """
    ### BEGIN SOLUTION
    n, d = observations.shape
    if not 1 <= n_components <= min(n - 1, d):
        raise ValueError(f"n_components is {n_components}, expected 1 to {min(n - 1, d)} for {n} points")
    centred = observations - observations.mean(axis=0)
    values, vectors = symmetric_eigen(centred.T @ centred / (n - 1))
    variances, components = values[:n_components], vectors[:, :n_components].T
    coordinates = centred @ components.T
    return (coordinates / np.sqrt(variances) if whiten else coordinates), components, variances
    ### END SOLUTION


# %% [markdown] hints="principal_components"
# 1. Centre, make the covariance, call `symmetric_eigen`, keep the first few. Then project.
# 2. All products of deviations at once are `centred.T @ centred`. `symmetric_eigen` gives eigenvectors as
#    *columns*; components stand in *rows*. A coordinate is a dot product of a centred point with a
#    component.
# 3. `centred = observations - observations.mean(axis=0)`,
#    `values, vectors = symmetric_eigen(centred.T @ centred / (n - 1))`, `components = vectors[:, :k].T`,
#    `coordinates = centred @ components.T`, and for whitening divide by `np.sqrt(values[:k])`.

# %% [markdown]
# Now real vowels. Each of six words has one main vowel: th*ree*, s*i*x, s*e*ven, *o*ne, f*ou*r, t*wo*. The
# next cell finds it in each clip, and describes it in two ways: by the energies of 20 bands (a coarse
# spectrum), and by its two formants, measured with *your* least squares.

# %%
VOWELS = {"three": "ee", "six": "i", "seven": "e", "one": "u", "four": "aw", "two": "oo"}
BOOK = {"ee": "heed", "i": "hid", "e": "head", "u": "hud", "aw": "hawed", "oo": "who'd"}
NAMES = list(VOWELS.values())


def vowel_frames(samples: Float[np.ndarray, "time"]) -> Float[np.ndarray, "frames frame_length"]:
    """Five frames of 32 ms from the middle of the loud stretch (within 15 dB) around the loudest frame."""
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float64), 256)[::32]
    loud = (frames**2).sum(axis=1)
    first = last = int(loud.argmax())
    while first > 0 and loud[first - 1] > loud.max() * 10**-1.5:
        first -= 1
    while last < len(loud) - 1 and loud[last + 1] > loud.max() * 10**-1.5:
        last += 1
    places = np.linspace(first + 0.4 * (last - first), first + 0.6 * (last - first), 5)
    return frames[np.rint(places).astype(int)]


def band_levels(frames: Float[np.ndarray, "frames frame_length"]) -> Float[np.ndarray, "20"]:
    """Log energies of 20 bands of 200 Hz, their mean removed: a coarse spectrum without its level."""
    power = (np.abs(np.fft.rfft(frames * np.hanning(256), axis=1)) ** 2).mean(axis=0)[1:]
    edges = np.linspace(0, 128, 21).astype(int)
    levels = np.log(np.add.reduceat(power, edges[:-1]) / np.diff(edges) + 1e-12)
    return levels - levels.mean()


def measured_vowels(per_speaker: int) -> dict[str, np.ndarray]:
    """Formants [n, 2], bands [n, 20], labels [n] and speakers [n] of the six words."""
    found: dict[str, list] = {"formants": [], "bands": [], "labels": [], "speakers": []}
    clips = [c for c in digits if c.text in VOWELS and c.index < per_speaker]
    for clip in progress(clips, "measuring vowels"):
        frames = vowel_frames(clip.samples)
        pairs = [pair for pair in map(formants_of, frames) if pair is not None]
        if pairs:
            found["formants"].append(np.median(pairs, axis=0))
            found["bands"].append(band_levels(frames))
            found["labels"].append(list(VOWELS).index(clip.text))
            found["speakers"].append(clip.speaker)
    return {name: np.array(values) for name, values in found.items()}


vowels = measured_vowels(per_speaker=10 if fast_mode() else 50)
labels, speakers = vowels["labels"], vowels["speakers"]
coordinates, components, variances = principal_components(vowels["bands"], 3)
total = vowels["bands"].var(axis=0, ddof=1).sum()
print(f"{len(labels)} vowels by {len(set(speakers))} speakers ({digits.name})")
print("share of the variance along 3 of 20 directions:", np.round(variances / total, 2))


# %%
def scatter(points, names, title, x_label, y_label, curves=None, reverse=False, regions=None):
    """Points in the plane, coloured by class; `curves` are outlines, `regions` (grid x, grid y, class)."""
    from labkit.plot import style

    with style.styled():
        figure, ((axes,),) = style.new_figure(width=6.4, height=4.4)
        if regions is not None:
            colors = [style.color(k) for k in range(len(names))]
            edges = np.arange(len(names) + 1) - 0.5
            axes.contourf(*regions, levels=edges, colors=colors, alpha=0.18)
        for k, name in enumerate(names):
            axes.scatter(*points[name].T, s=7, alpha=0.45, color=style.color(k), linewidths=0, label=name)
            if curves is not None:
                axes.plot(*curves[name].T, color=style.color(k), linewidth=2)
        axes.set(xlabel=x_label, ylabel=y_label, title=title)
        if regions is not None:
            axes.set(xlim=(regions[0].min(), regions[0].max()), ylim=(regions[1].min(), regions[1].max()))
        if reverse:  # as phoneticians draw it: the tongue's place in the mouth
            axes.invert_xaxis()
            axes.invert_yaxis()
        for handle in axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0)).legend_handles:
            handle.set(alpha=1.0, sizes=[30])
        style.grid(axes)
        return style.finish(figure)


def by_class(points):
    """Points of each vowel under its name."""
    return {name: points[labels == k] for k, name in enumerate(NAMES)}


scatter(
    by_class(coordinates[:, :2]),
    NAMES,
    "Vowels along the first two principal components",
    "component 1",
    "component 2",
)

# %% [markdown]
# Nobody told the method what a vowel is. It saw spectra of 20 numbers and turned the axes, and vowels of
# one kind gather: *aw* and *u* far from *ee* and *i*. Structure shows once the axes are right.
#
# What it cannot say is *how sure* we are of a point between two clouds. Now comes probability.

# %% [markdown]
# ## Part 8: the Gaussian
#
# ### Why: acoustic models are probabilistic, language models use probability
#
# No two *ee* are equal. So a recogniser does not ask "is this an *ee*?" but "**how probable** is this sound
# if it was an *ee*?" That is an acoustic model. How probable a word is before anything was heard is a
# language model. Both answers are probabilities, so they can be multiplied, and the most probable sentence
# wins.
#
# The commonest model of "around here, give or take" is the **Gaussian**. In one dimension, with mean $\mu$
# and standard deviation $\sigma$:
#
# $$p(x) = \frac{1}{\sqrt{2\pi}\,\sigma}\, e^{-\frac{(x - \mu)^2}{2\sigma^2}},\qquad
# \ln p(x) = -\tfrac12\left(\ln 2\pi + \ln \sigma^2 + \frac{(x - \mu)^2}{\sigma^2}\right) .$$
#
# **A number first.** $\mu = 0$, $\sigma = 1$: at $x = 0$ it is $\ln p = -0.919$; at $x = 2$, two standard
# deviations away, $-0.919 - 2 = -2.919$. At $x = 40$ it is −801. The *logarithm* is an ordinary number, but
# $e^{-801}$ is 0 for any computer. **So we work with log-probabilities**: products become sums, and nothing
# vanishes.
#
# In d dimensions the variance becomes the covariance $\Sigma$, and the squared distance is measured in its
# units:
#
# $$\ln p(x) = -\tfrac12\left(d \ln 2\pi + \ln\det\Sigma + (x - \mu)^\top \Sigma^{-1} (x - \mu)\right) .$$
#
# Do not compute $\det\Sigma$ itself: with 400 dimensions and small variances it is 0, too. The **Cholesky**
# factor helps with both terms. It is the triangular L with $\Sigma = L L^\top$. Then
# $\ln\det\Sigma = 2\sum_i \ln L_{ii}$, and with $z = L^{-1}(x - \mu)$ the last term is simply
# $\lVert z \rVert^2$. (This z is the *whitened* x.)


# %% part="gaussian_log_density" points=4 difficulty=3 minutes=15 forbids="scipy.stats sklearn"
def gaussian_log_density(
    observations: Float[np.ndarray, "n d"], mean: Float[np.ndarray, "d"], covariance: Float[np.ndarray, "d d"]
) -> Float[np.ndarray, "n"]:
    """Natural logarithm of the density of a Gaussian at each point.

    Args:
        observations: one point per row.
        mean: centre.
        covariance: symmetric, positive definite, in squared units of the observations.
    Returns:
        ln p(x) for each row; finite however far away the point, and however many dimensions there are.
    Raises:
        ValueError: if `covariance` is not symmetric (up to 1e-8 of its largest entry) or not positive
            definite, that is, some direction would have no positive variance.
    Source: Bishop 2006, Pattern Recognition and Machine Learning, equation 2.43.
    Example:
        >>> gaussian_log_density(np.array([[0.0], [2.0]]), np.array([0.0]), np.eye(1)).round(3).tolist()
        [-0.919, -2.919]
    """
    ### BEGIN SOLUTION
    if np.abs(covariance - covariance.T).max() > 1e-8 * np.abs(covariance).max():
        raise ValueError("covariance is not symmetric")
    try:
        factor = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError as error:
        raise ValueError("covariance is not positive definite: a variance is zero or negative") from error
    whitened = np.linalg.solve(factor, (observations - mean).T)
    log_determinant = 2 * np.sum(np.log(np.diag(factor)))
    return -0.5 * (len(mean) * np.log(2 * np.pi) + log_determinant + np.sum(whitened**2, axis=0))
    ### END SOLUTION


# %% [markdown] hints="gaussian_log_density"
# 1. Three terms: a constant, one that depends on the covariance, one that depends on the point. Get each
#    right for d = 1 first.
# 2. `np.linalg.cholesky` raises `LinAlgError` if the matrix is not positive definite, but it only looks at
#    one half, so test the symmetry yourself. `np.linalg.solve(L, deviations.T)` whitens all points at once,
#    one per column.
# 3. `L = np.linalg.cholesky(covariance)`, `z = np.linalg.solve(L, (observations - mean).T)`,
#    `log_det = 2 * np.log(np.diag(L)).sum()`, and
#    `-0.5 * (d * np.log(2 * np.pi) + log_det + (z**2).sum(axis=0))`.

# %% [markdown]
# ## Part 9: maximum likelihood
#
# Where do $\mu$ and $\Sigma$ come from? From examples. **Maximum likelihood** (MLE) takes those that make
# the examples most probable. For a Gaussian they have a formula, and it is what you hoped for:
#
# $$\hat\mu = \frac1n \sum_i x_i,\qquad \hat\Sigma = \frac1n \sum_i (x_i - \hat\mu)(x_i - \hat\mu)^\top .$$
#
# **A number first.** Three first formants: 480, 500 and 520 Hz. The mean is 500, the variance
# $(400 + 0 + 400)/3 = 266.7$, so $\sigma = 16.3$ Hz.
#
# It divides by $n$, not by $n - 1$ as the covariance of Part 7 did. The n makes *these* points most
# probable. The $n - 1$ is right on average when the points are a sample of more. With three points the
# difference is 50 %, with 300 it is 0.3 %.


# %% part="maximum_likelihood" points=2 difficulty=1 minutes=10 forbids="numpy.cov scipy.stats sklearn"
def maximum_likelihood(
    observations: Float[np.ndarray, "n d"],
) -> tuple[Float[np.ndarray, "d"], Float[np.ndarray, "d d"]]:
    """The mean and the covariance of the Gaussian under which the observations are most probable.

    Args:
        observations: one point per row, at least one.
    Returns:
        (mean, covariance), the covariance with n in the denominator.
    Raises:
        ValueError: if there is no observation, or `observations` is not a matrix.
    Source: Bishop 2006, Pattern Recognition and Machine Learning, equations 2.121 and 2.122.
    Example:
        >>> mean, covariance = maximum_likelihood(np.array([[480.0], [500.0], [520.0]]))
        >>> mean.tolist(), covariance.round(1).tolist()
        ([500.0], [[266.7]])
    """
    ### BEGIN SOLUTION
    if observations.ndim != 2 or len(observations) == 0:
        raise ValueError(f"observations has shape {observations.shape}, expected [n, d] with n at least 1")
    mean = observations.mean(axis=0)
    centred = observations - mean
    return mean, centred.T @ centred / len(observations)
    ### END SOLUTION


# %% [markdown] hints="maximum_likelihood"
# 1. The mean of what? Over which axis? The covariance then needs the deviations from it.
# 2. The sum of all products $(x_i - \mu)(x_i - \mu)^\top$ is one matrix product of the centred points with
#    themselves.
# 3. `centred = observations - mean`, then `centred.T @ centred / len(observations)`.

# %% [markdown]
# Your two functions on the first formant of all *e* in "seven". Formants are stretched, not shifted, from
# mouth to mouth: a child's are 1.3 times an adult's. So from now on we take their **logarithm**, in which a
# stretch is a shift.

# %%
log_formants = np.log(vowels["formants"])
of_seven = log_formants[labels == NAMES.index("e")]
mean, covariance = maximum_likelihood(of_seven)
hertz = np.arange(300.0, 900.0, 2)
heights, edges = np.histogram(np.exp(of_seven[:, 0]), bins=24, range=(300, 900), density=True)
density = np.exp(gaussian_log_density(np.log(hertz)[:, None], mean[:1], covariance[:1, :1])) / hertz
plot.lines(
    {"measured": ((edges[1:] + edges[:-1]) / 2, heights), "your Gaussian (of ln F1)": (hertz, density)},
    x_label="F1 [Hz]",
    y_label="density [1/Hz]",
    title=f"First formant of the e in “seven”, {len(of_seven)} clips",
)

# %% [markdown]
# ## Part 10: derivatives and gradients
#
# Few models have such a formula. For the others one *climbs*: change the parameters a little, in the
# direction that makes the data more probable, again and again. All training of neural networks is this.
#
# The **derivative** says how fast a function rises: $f'(x) \approx \frac{f(x + h) - f(x - h)}{2h}$ for a
# small h. With several parameters, move one and hold the others still: that is a **partial derivative**.
# All of them together are the **gradient**, the direction of steepest rise.
#
# **A number first.** $f(x) = x^2$ at 3 with $h = 0.1$: $(9.61 - 8.41)/0.2 = 6$, the exact slope. With one
# side only it is $(9.61 - 9)/0.1 = 6.1$. Looking both ways cancels the curve.
#
# And $f(x, y) = x^2 y$ at (3, 2): moving x alone gives 12, moving y alone gives 9. The gradient is (12, 9).
#
# This takes two evaluations per parameter: hopeless for a million of them, but it needs no thought. So it
# is what everybody *checks* their own gradients with. The lab on backpropagation does.


# %% part="numerical_gradient" points=3 difficulty=2 minutes=12 forbids="scipy.optimize scipy.differentiate"
def numerical_gradient(function, point: Float[np.ndarray, "d"], step: float = 1e-5) -> Float[np.ndarray, "d"]:
    """Gradient of a function at a point, by looking a little to both sides along each axis.

    Args:
        function: takes a vector like `point`, returns one number.
        point: where; integers are welcome. It must not be changed.
        step: h, how far to look to each side, greater than zero.
    Returns:
        (f(point + h along axis i) - f(point - h along axis i)) / (2 h), for each axis i.
    Raises:
        ValueError: if `step` is not greater than zero.
    Source: Press et al. 2007, Numerical Recipes, 3rd edition, section 5.7.
    Example:
        >>> numerical_gradient(lambda p: p[0] ** 2 * p[1], np.array([3.0, 2.0])).round(4).tolist()
        [12.0, 9.0]
    """
    ### BEGIN SOLUTION
    if not step > 0:
        raise ValueError(f"step is {step}, expected a number greater than zero")
    point = np.array(point, dtype=np.float64)
    moves = step * np.eye(len(point))
    return np.array([(function(point + move) - function(point - move)) / (2 * step) for move in moves])
    ### END SOLUTION


# %% [markdown] hints="numerical_gradient"
# 1. Write it for one axis. Then loop over the axes, moving only one entry each time.
# 2. `step * np.eye(d)` holds the d moves as rows. An array of integers would swallow a step of $10^{-5}$:
#    convert first.
# 3. For each row `move`: `(function(point + move) - function(point - move)) / (2 * step)`.

# %% [markdown]
# ## Part 11: the same by the chain rule
#
# Now exactly. Take the mean log-likelihood of numbers $x_i$ under a Gaussian. Its standard deviation must
# stay positive, so describe it by its logarithm $\rho = \ln\sigma$: any $\rho$ is allowed. With
# $\sigma = e^\rho$:
#
# $$L(\mu, \rho) = -\tfrac12 \ln 2\pi - \rho - \frac{1}{2n}\sum_i z_i^2,\qquad
# z_i = (x_i - \mu)\, e^{-\rho} .$$
#
# ### Why: backpropagation relies on the chain rule
#
# $L$ depends on $z$, and $z$ depends on $\mu$ and $\rho$. The **chain rule** multiplies the slopes along
# the way:
#
# $$\frac{\partial L}{\partial \mu}
# = \sum_i \frac{\partial L}{\partial z_i} \frac{\partial z_i}{\partial \mu},\qquad
# \frac{\partial L}{\partial z_i} = -\frac{z_i}{n},\quad \frac{\partial z_i}{\partial \mu} = -e^{-\rho},\quad
# \frac{\partial z_i}{\partial \rho} = -z_i .$$
#
# For $\rho$ there is a second way, directly through the term $-\rho$: its slope $-1$ is *added*. **Slopes
# along one way multiply, ways add up.** Backpropagation is nothing but this rule, applied by a program to a
# million parameters.
#
# **A number first.** $x = (1, 3)$, $\mu = 0$, $\rho = 0$: $z = (1, 3)$. For $\mu$: $\frac{1 + 3}{2} = 2$,
# so move up. For $\rho$: $\frac{1 + 9}{2} - 1 = 4$, so widen.


# %% part="gaussian_gradient" points=3 difficulty=3 minutes=12
def gaussian_gradient(
    observations: Float[np.ndarray, "n"], mean: float, log_deviation: float
) -> Float[np.ndarray, "2"]:
    """Slopes of the mean log-likelihood of a one-dimensional Gaussian.

    Args:
        observations: numbers, at least one.
        mean: of the Gaussian.
        log_deviation: natural logarithm of its standard deviation.
    Returns:
        [dL/dmean, dL/dlog_deviation], where L is the mean of ln p over the observations.
    Raises:
        ValueError: if there is no observation.
    Source: Bishop 2006, Pattern Recognition and Machine Learning, equation 1.54, derived.
    Example:
        >>> gaussian_gradient(np.array([1.0, 3.0]), 0.0, 0.0).tolist()
        [2.0, 4.0]
    """
    ### BEGIN SOLUTION
    if len(observations) == 0:
        raise ValueError("observations is empty: there is nothing to be likely")
    z = (observations - mean) * np.exp(-log_deviation)
    return np.array([np.mean(z) * np.exp(-log_deviation), np.mean(z**2) - 1])
    ### END SOLUTION


# %% [markdown] hints="gaussian_gradient"
# 1. Compute z first. Both slopes are simple means of it.
# 2. Multiply the slopes given above, mind the two minus signs, and sum over i with the $1/n$: that is a
#    mean. For $\rho$ add the direct way.
# 3. `[np.mean(z) * np.exp(-log_deviation), np.mean(z**2) - 1]`.

# %% [markdown]
# The formula against looking both ways, on the first formants of "seven":

# %%
first_formant = of_seven[:, 0]


def mean_log_likelihood(parameters: Float[np.ndarray, "2"]) -> float:
    """Of `first_formant` under a Gaussian with [mean, log deviation]."""
    variance = np.exp(2 * parameters[1:, None])
    return float(gaussian_log_density(first_formant[:, None], parameters[:1], variance).mean())


somewhere = np.array([6.0, -1.0])
both_ways = numerical_gradient(mean_log_likelihood, somewhere)
table(
    [
        {"how": "by looking both ways", "d/dμ": both_ways[0], "d/dρ": both_ways[1]},
        dict(
            zip(
                ("how", "d/dμ", "d/dρ"),
                ("by the chain rule", *gaussian_gradient(first_formant, *somewhere)),
                strict=True,
            )
        ),
    ],
    title="The gradient at μ = 6 (403 Hz), ρ = −1",
)

# %% [markdown]
# ## Part 12: gradient ascent
#
# Start somewhere, step along the gradient, repeat:
#
# $$\theta_{t+1} = \theta_t + \eta\, \nabla f(\theta_t) .$$
#
# $\eta$ is the **learning rate**. Too small, and it takes forever. Too large, and each step jumps over the
# top.
#
# **A number first.** $f(x) = -x^2$ has the slope $-2x$. Start at 1 with $\eta = 0.25$: 1, 0.5, 0.25, 0.125.
# With $\eta = 1.5$: 1, −2, 4, −8. The second one has left for good.


# %% part="gradient_ascent" points=2 difficulty=1 minutes=10 forbids="scipy.optimize"
def gradient_ascent(
    gradient, start: Float[np.ndarray, "d"], learning_rate: float, n_steps: int
) -> Float[np.ndarray, "steps d"]:
    """Climb a function by following its gradient.

    Args:
        gradient: takes a vector, returns the gradient there.
        start: where to begin; integers are welcome. It must not be changed.
        learning_rate: how far to go along the gradient, greater than zero.
        n_steps: how many steps to take, 0 or more.
    Returns:
        Every place visited, n_steps + 1 rows, the first of which is `start`.
    Raises:
        ValueError: if `learning_rate` is not greater than zero or `n_steps` is negative.
    Source: Cauchy 1847; Goodfellow, Bengio & Courville 2016, Deep Learning, section 4.3.
    Example:
        >>> gradient_ascent(lambda x: -2 * x, np.array([1.0]), 0.25, 3).ravel().tolist()
        [1.0, 0.5, 0.25, 0.125]
    """
    ### BEGIN SOLUTION
    if not learning_rate > 0 or n_steps < 0:
        raise ValueError(
            f"learning_rate is {learning_rate} and n_steps {n_steps}, expected more than 0 and at least 0"
        )
    path = [np.array(start, dtype=np.float64)]
    for _ in range(n_steps):
        path.append(path[-1] + learning_rate * np.asarray(gradient(path[-1])))
    return np.array(path)
    ### END SOLUTION


# %% [markdown] hints="gradient_ascent"
# 1. Keep a list of places. The next one comes from the last one.
# 2. Up is *plus* the gradient. Ask for the gradient at the newest place, not at the start. With `+=` on the
#    last array you would change the list's older entries too.
# 3. `path.append(path[-1] + learning_rate * gradient(path[-1]))`, n_steps times, then `np.array(path)`.

# %% [markdown]
# Climb to the maximum likelihood. The dashed lines are the formula of Part 9. There is no need to climb
# here, but that is how we know that climbing arrives.

# %%
paths = {}
for rate in (0.003, 0.01, 0.03):
    path = gradient_ascent(lambda p: gaussian_gradient(first_formant, p[0], p[1]), somewhere, rate, 120)
    paths[f"learning rate {rate}"] = path
best_mean, best_covariance = maximum_likelihood(first_formant[:, None])
plot.lines(
    {name: np.exp(path[:, 0]) for name, path in paths.items()},
    x_label="step",
    y_label="e^μ [Hz]",
    hlines={"maximum likelihood": float(np.exp(best_mean[0]))},
    title="Climbing to the mean",
)
plot.lines(
    {name: np.exp(path[:, 1]) for name, path in paths.items()},
    x_label="step",
    y_label="σ of ln F1",
    hlines={"maximum likelihood": float(np.sqrt(best_covariance[0, 0]))},
    title="Climbing to the standard deviation",
)

# %% [markdown]
# ## Part 13: MAP, or what to believe after three examples
#
# You meet a new speaker and hear one *ee*. Its F1 is 100 Hz above the average of all people. Is this voice
# so different, or was it one odd *ee*? Maximum likelihood believes the one example. **MAP** (maximum a
# posteriori) asks as well what is known *before*: the **prior**, a Gaussian over where means of speakers
# lie. By Bayes' rule
#
# $$p(\mu \mid x_1 \dots x_n) \propto p(x_1 \dots x_n \mid \mu)\, p(\mu) ,$$
#
# and for Gaussians the result, the **posterior**, is a Gaussian again. *Precisions* (inverse variances) add
# up, and the mean is the average weighted by them:
#
# $$P = P_0 + n\,\Sigma^{-1},\qquad P_0 = \Sigma_0^{-1},\qquad
# \mu_\text{MAP} = P^{-1}\left(P_0\,\mu_0 + n\,\Sigma^{-1}\,\bar x\right) .$$
#
# **A number first.** People: 500 Hz, give or take 50. One example: 600 Hz, give or take 50. Both are
# equally sure, so we believe 550. After three examples that average 600:
# $(1 \cdot 500 + 3 \cdot 600)/4 = 575$. After a hundred: 599. With no example: 500.


# %% part="map_mean" points=4 difficulty=3 minutes=15 forbids="scipy.stats scipy.optimize sklearn"
def map_mean(
    observations: Float[np.ndarray, "n d"],
    covariance: Float[np.ndarray, "d d"],
    prior_mean: Float[np.ndarray, "d"],
    prior_covariance: Float[np.ndarray, "d d"],
) -> tuple[Float[np.ndarray, "d"], Float[np.ndarray, "d d"]]:
    """What to believe about the mean of a Gaussian, after some observations and with a Gaussian prior.

    Args:
        observations: one point per row; none at all is allowed, with shape [0, d].
        covariance: of one observation around the mean sought, positive definite.
        prior_mean: what the mean was believed to be before.
        prior_covariance: how sure that was, positive definite.
    Returns:
        (mean, covariance) of the posterior, which is a Gaussian: its mean is the MAP estimate.
    Raises:
        ValueError: if `observations` has not as many columns as `prior_mean` has numbers.
    Source: Murphy 2012, Machine Learning: a Probabilistic Perspective, section 4.6.1.
    Example:
        >>> one = np.array([[2500.0]])
        >>> mean, covariance = map_mean(np.array([[600.0]]), one, np.array([500.0]), one)
        >>> mean.round(6).tolist(), covariance.round(6).tolist()
        ([550.0], [[1250.0]])
    """
    ### BEGIN SOLUTION
    if observations.ndim != 2 or observations.shape[1] != len(prior_mean):
        raise ValueError(f"observations has shape {observations.shape}, expected [n, {len(prior_mean)}]")
    prior_precision, precision = np.linalg.inv(prior_covariance), np.linalg.inv(covariance)
    posterior = np.linalg.inv(prior_precision + len(observations) * precision)
    evidence = precision @ observations.sum(axis=0)  # the sum is n times the mean, and 0 for no observation
    return posterior @ (prior_precision @ prior_mean + evidence), posterior
    ### END SOLUTION


# %% [markdown] hints="map_mean"
# 1. First the one-dimensional case with numbers: precisions 1/2500 and 1/2500. Then replace each division
#    by an inverse.
# 2. $n\bar x$ is the *sum* of the observations. The sum of no rows is a row of zeros, whereas their mean is
#    NaN.
# 3. `posterior = inv(inv(prior_covariance) + n * inv(covariance))`, and the mean is
#    `posterior @ (inv(prior_covariance) @ prior_mean + inv(covariance) @ observations.sum(axis=0))`.

# %% [markdown]
# The belief about one speaker's F1 in *ee*, after no clip, 1, 3 and up to 10. It is the speaker least like
# the others, and the prior comes from those others: how far a speaker lies from the mean of all, over all
# six vowels. With each clip the belief moves towards this speaker, and it narrows.


# %%
def others_than(
    stranger: str,
) -> tuple[Float[np.ndarray, "vowels 2"], Float[np.ndarray, "2 2"], Float[np.ndarray, "vowels 2 2"]]:
    """Of the other speakers: mean of each vowel, covariance between speakers, covariances within one."""
    fitted = [
        [maximum_likelihood(log_formants[(speakers == s) & (labels == k)]) for k in range(len(NAMES))]
        for s in sorted(set(speakers))
        if s != stranger
    ]
    means = np.array([[mean for mean, _ in row] for row in fitted])
    within = np.mean([[covariance for _, covariance in row] for row in fitted], axis=0)
    between = maximum_likelihood((means - means.mean(axis=0)).reshape(-1, 2))[1]
    between = between * len(fitted) / (len(fitted) - 1)  # a sample of few speakers: n - 1
    return means.mean(axis=0), between, within + 1e-4 * np.eye(2)  # no voice is exact to 1 %


EE = NAMES.index("ee")
of_ee = {s: log_formants[(labels == EE) & (speakers == s), :1] for s in sorted(set(speakers))}
typical = np.median([points.mean() for points in of_ee.values()])
new_speaker = max(of_ee, key=lambda s: abs(of_ee[s].mean() - typical))
own = of_ee[new_speaker]
people, between, within = others_than(new_speaker)
beliefs = {}
for n in (0, 1, 3, min(10, len(own))):
    centre, spread = map_mean(own[:n], within[EE, :1, :1], people[EE, :1], between[:1, :1])
    axis = np.arange(220.0, 520.0, 2)
    height = np.exp(gaussian_log_density(np.log(axis)[:, None], centre, spread)) / axis
    beliefs["before" if n == 0 else f"after {n} clips" if n > 1 else "after 1 clip"] = (axis, height)
plot.lines(
    beliefs,
    x_label=f"{new_speaker}'s F1 in ee [Hz]",
    y_label="density [1/Hz]",
    title=f"What to believe; all {len(own)} clips together give {np.exp(own.mean()):.0f} Hz",
)

# %% [markdown]
# ## Part 14: Bayes' rule
#
# Now turn it round. We know how probable the sound is for each vowel, $p(x \mid k)$. We want how probable
# each *vowel* is, given the sound:
#
# $$p(k \mid x) = \frac{p(x \mid k)\, p(k)}{\sum_j p(x \mid j)\, p(j)} .$$
#
# $p(k)$ is the **prior**: how often the vowel occurs at all. In logarithms:
#
# $$\ln p(k \mid x) = \ln p(x \mid k) + \ln p(k) - \ln \sum_j e^{\ln p(x \mid j) + \ln p(j)} .$$
#
# **A number first.** Two vowels, equally common, log-likelihoods −1000 and −1002. Naively $e^{-1000} = 0$,
# and $0/0$ is no answer. But only differences count. Take out the largest, −1000: $e^0 = 1$ and
# $e^{-2} = 0.135$. So 88 % and 12 %. This trick, take out the maximum before `exp`, is called
# **log-sum-exp**. You will meet it in nearly every lab.


# %% part="log_posterior" points=3 difficulty=2 minutes=12 forbids="scipy.special sklearn"
def log_posterior(
    log_likelihoods: Float[np.ndarray, "n k"], prior: Float[np.ndarray, "k"]
) -> Float[np.ndarray, "n k"]:
    """Log-probability of each class after each observation, by Bayes' rule.

    Args:
        log_likelihoods: ln p(observation | class), one observation per row; -inf where impossible.
        prior: probability of each class before; a class may have 0.
    Returns:
        ln p(class | observation). The probabilities of each row sum to 1; -inf where the prior is 0.
    Raises:
        ValueError: if a prior is negative, they do not sum to 1 (up to 1e-6), or a row leaves no class
            possible.
    Source: Bishop 2006, Pattern Recognition and Machine Learning, equations 1.82 and 4.62.
    Example:
        >>> np.exp(log_posterior(np.array([[-1000.0, -1002.0]]), np.array([0.5, 0.5]))).round(2).tolist()
        [[0.88, 0.12]]
    """
    ### BEGIN SOLUTION
    if np.any(prior < 0) or abs(np.sum(prior) - 1) > 1e-6:
        raise ValueError(f"prior sums to {np.sum(prior)}, expected probabilities that sum to 1")
    with np.errstate(divide="ignore"):  # ln 0 = -inf is meant
        joint = log_likelihoods + np.log(prior)
    largest = joint.max(axis=1, keepdims=True)
    if np.any(np.isneginf(largest)):
        raise ValueError("an observation is impossible in every class")
    return joint - largest - np.log(np.sum(np.exp(joint - largest), axis=1, keepdims=True))
    ### END SOLUTION


# %% [markdown] hints="log_posterior"
# 1. Add the log prior. Then make each row sum to 1, in the domain of logarithms.
# 2. Subtract the largest of each row (`keepdims=True` keeps the shape right). Then `exp` is safe: the
#    largest becomes 1, and what underflows to 0 was of no weight. A prior of 0 gives `np.log(0) = -inf`,
#    which is right.
# 3. `joint = log_likelihoods + np.log(prior)`, `largest = joint.max(axis=1, keepdims=True)`, and
#    `joint - largest - np.log(np.exp(joint - largest).sum(axis=1, keepdims=True))`.

# %% [markdown]
# ## Part 15: a Gaussian classifier
#
# Put the last pieces in a row. *Learn*: for every class a mean and a covariance by maximum likelihood, and
# as prior its share of the training data. *Recognise*: log-density under each class, then Bayes' rule.
#
# One choice is left. Each class may have its **own** covariance; then the borders between classes are
# curves (*quadratic discriminant analysis*, QDA). Or all share one: pool the deviations of each point from
# the mean *of its own class*; then borders are straight lines (LDA). A shared one needs fewer examples.
#
# **A number first.** Two classes in one dimension, at −1 and 1, equally common, shared $\sigma = 1$. At
# $x = 0.5$ the squared distances are 2.25 and 0.25, so the log-likelihoods differ by 1. The second class
# has $1/(1 + e^{-1}) = 73$ %. At $x = 0$ both have 50 %: there is the border.


# %% part="gaussian_classifier" points=4 difficulty=3 minutes=15 forbids="sklearn scipy.stats"
def gaussian_classifier(
    training: Float[np.ndarray, "n d"],
    labels: Int[np.ndarray, "n"],
    observations: Float[np.ndarray, "m d"],
    shared: bool = False,
) -> Float[np.ndarray, "m k"]:
    """Learn a Gaussian per class from examples, and say how probable each class is for new observations.

    Args:
        training: examples, one per row.
        labels: class of each example, 0 to k - 1.
        observations: what to classify, one per row.
        shared: one covariance for all classes: the mean over all examples of (x - m)(x - m)ᵀ, where m is
            the mean of the example's own class. Otherwise each class has its own (n in the denominator).
    Returns:
        ln p(class | observation), one row per observation. The prior of a class is its share of `labels`.
    Raises:
        ValueError: if a class of 0 to k - 1 has no example, or `labels` and `training` differ in length.
    Source: Hastie, Tibshirani & Friedman 2009, The Elements of Statistical Learning, section 4.3.
    Example:
        >>> training = np.array([[-2.0], [0.0], [0.0], [2.0]])
        >>> np.exp(gaussian_classifier(training, np.array([0, 0, 1, 1]), np.array([[0.5]]))).round(2).tolist()
        [[0.27, 0.73]]
    """
    ### BEGIN SOLUTION
    counts = np.bincount(labels)
    if len(labels) != len(training) or np.any(counts == 0):
        raise ValueError(
            f"{len(training)} examples with classes counted {counts}: expected some of each class"
        )
    models = [maximum_likelihood(training[labels == k]) for k in range(len(counts))]
    prior = counts / len(labels)
    covariances = np.array([covariance for _, covariance in models])
    if shared:
        covariances[:] = np.tensordot(prior, covariances, axes=1)  # the mean, weighted by the shares
    scores = [gaussian_log_density(observations, models[k][0], covariances[k]) for k in range(len(counts))]
    return log_posterior(np.stack(scores, axis=1), prior)
    ### END SOLUTION


# %% [markdown] hints="gaussian_classifier"
# 1. Everything is there: `maximum_likelihood` per class, `gaussian_log_density` per class, `log_posterior`
#    once.
# 2. `np.bincount(labels)` counts the classes. The shared covariance is the average of the classes' own,
#    weighted by their shares, because each is a mean over its own examples.
# 3. `models = [maximum_likelihood(training[labels == k]) for k in range(len(counts))]`. If shared, the sum
#    of share times covariance replaces each. Stack the log-densities with `axis=1`, and call
#    `log_posterior(scores, counts / len(labels))`.

# %% [markdown]
# ## Put it together
#
# From sound to certainty: your least squares measured the formants, your Gaussians learn them, Bayes' rule
# decides. The chart is drawn as phoneticians draw it, F1 downwards and F2 to the left: then it is a map of
# the mouth, with the tongue in front on the left and low at the bottom. Shading shows which vowel wins
# where. Each line is an ellipse at two standard deviations, the circle of radius 2 stretched by
# *eigenvectors and eigenvalues*.


# %%
def ellipse(points: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "steps 2"]:
    """Outline at two standard deviations of the Gaussian of some points."""
    mean, covariance = maximum_likelihood(points)
    values, vectors = symmetric_eigen(covariance)
    angle = np.linspace(0, 2 * np.pi, 100)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return mean + 2 * (circle * np.sqrt(values)) @ vectors.T


def regions(training, training_labels):
    """(F2, F1, winning class) over the chart."""
    f1, f2 = np.linspace(np.log(220), np.log(900), 120), np.linspace(np.log(500), np.log(3200), 120)
    grid_f2, grid_f1 = np.meshgrid(f2, f1)
    points = np.stack([grid_f1.ravel(), grid_f2.ravel()], axis=1)
    winner = gaussian_classifier(training, training_labels, points).argmax(axis=1)
    return np.exp(grid_f2), np.exp(grid_f1), winner.reshape(grid_f1.shape).astype(float)


scatter(
    {name: np.exp(points[:, ::-1]) for name, points in by_class(log_formants).items()},
    NAMES,
    f"Six vowels, {len(set(speakers))} speakers ({digits.name})",
    "F2 [Hz]",
    "F1 [Hz]",
    curves={name: np.exp(ellipse(points))[:, ::-1] for name, points in by_class(log_formants).items()},
    reverse=True,
    regions=regions(log_formants, labels),
)

# %% [markdown]
# Compare with the averages that Peterson and Barney published in 1952. Two things differ. Their *who'd* has
# a much lower F2: theirs follows an *h*, ours a *t*, whose tongue position pulls F2 up, and English
# speakers today say it further in front than in 1952. And our *ee* is less extreme: "three" glides into it
# from the *r*, and five frames from the middle catch part of the way.

# %%
rows = []
for k, name in enumerate(NAMES):
    mine = np.exp(np.median(log_formants[labels == k], axis=0))
    men, women, _ = PETERSON_BARNEY[BOOK[name]]
    rows.append(
        {"vowel": f"{name} as in {BOOK[name]}", "F1 here": round(mine[0]), "F2 here": round(mine[1])}
        | {"F1 men 1952": men[0], "F2 men 1952": men[1], "F1 women 1952": women[0], "F2 women 1952": women[1]}
    )
table(rows, title="Median formants [Hz], beside Peterson and Barney 1952, table II")

# %% [markdown]
# Now single sounds, by someone whom the model has not heard. Listen, guess, and then read what it believes.

# %%
stranger = sorted(set(speakers))[0]
known = speakers != stranger
rows, sounds = [], {}
for word in ("four", "seven", "six"):
    clip = digits.clip(word, speaker=stranger)
    pair = np.median([p for p in map(formants_of, vowel_frames(clip.samples)) if p is not None], axis=0)
    belief = np.exp(gaussian_classifier(log_formants[known], labels[known], np.log(pair)[None]))[0]
    rows.append({"said": f"{VOWELS[word]} in “{word}”", "F1": round(pair[0]), "F2": round(pair[1])})
    rows[-1] |= {f"{name} [%]": round(100 * p, 1) for name, p in zip(NAMES, belief, strict=True)}
    sounds[word] = clip.samples
play(sounds, SAMPLE_RATE)
table(rows, title=f"Which vowel? Beliefs about {stranger}, from two numbers each")

# %% [markdown]
# Some answers are nearly certain. Where vowels are neighbours on the chart, the model shares its belief out
# among them, and now and then bets on the wrong neighbour. That is what a probability is good for: a
# language model can settle what the sound leaves open.

# %% [markdown]
# ## Practice: a sentence in fewer numbers, and the vowels of strangers
#
# ### 1. Compress a real spectrogram
#
# Rebuild the sentence from its 1, 5 and 20 strongest patterns. The magnitude is yours, the phase is the
# original's: we measure the magnitude alone. A rank-k spectrogram holds
# $k\,(\text{frames} + \text{bins} + 1)$ numbers.
#
# **Target:** with 20 patterns, the error is below 15 % of the whole at a quarter of the numbers.

# %%
rows, sounds = [], {"original": speech}
for rank in (1, 5, 20):
    closest, error = low_rank(u, sizes, vt, rank)
    rows.append(
        {
            "rank": rank,
            "numbers kept [%]": 100 * rank * (sum(magnitude.shape) + 1) / magnitude.size,
            "error, from the dropped σ [%]": 100 * error / np.linalg.norm(magnitude),
            "error, measured [%]": 100 * np.linalg.norm(magnitude - closest) / np.linalg.norm(magnitude),
        }
    )
    sounds[f"rank {rank}"] = resynthesise(closest, phase)[: len(speech)]
table(rows, title=f"{speech_name}: {magnitude.shape[0]} frames × {magnitude.shape[1]} bins")
play(sounds, SAMPLE_RATE)
plot.lines(
    {"singular values": (np.arange(1, len(sizes) + 1), sizes / sizes[0])},
    x_label="number",
    y_label="σ, relative to the first",
    log_y=True,
    title="They fall fast: that is why a few are enough",
)

# %% [markdown]
# Rank 1 already has the rhythm. You may understand more of it than a single spectrum should allow: the
# phase of the original helps. The lab on Fourier analysis throws the phase away and finds it again.
#
# ### 2. Recognise the vowels of people never heard
#
# Train on all speakers but some, test on those, in turn. **No speaker is ever in both.** Guessing would
# give one in six, 17 %.
#
# **Target:** 60 % of the vowels right, from two numbers each.


# %%
def folds() -> list[list[str]]:
    """Who is tested together: six groups of speakers."""
    everyone = sorted(set(speakers))
    return [everyone[start::6] for start in range(6)]


def accuracy_on_strangers(
    points: np.ndarray, shared: bool, seed: int, n_components: int | None = None
) -> tuple[float, np.ndarray]:
    """Share of right vowels of held-out speakers, and confusions; trained on a random two thirds."""
    rng, confusion = np.random.default_rng(seed), np.zeros((len(NAMES), len(NAMES)), dtype=int)
    for group in folds():
        held_out = np.isin(speakers, group)
        drawn = ~held_out & (rng.random(len(labels)) < 2 / 3)
        train, test = points[drawn], points[held_out]
        if n_components is not None:  # the directions are found without the held-out speakers
            components = principal_components(train, n_components)[1]
            train, test = train @ components.T, test @ components.T
        guessed = gaussian_classifier(train, labels[drawn], test, shared).argmax(axis=1)
        np.add.at(confusion, (labels[held_out], guessed), 1)
    return np.trace(confusion) / confusion.sum(), confusion


rows = []
for features, points, shared, n_components in (
    ("F1, F2", log_formants, False, None),
    ("F1, F2", log_formants, True, None),
    ("10 principal components of 20 bands", vowels["bands"], True, 10),
):
    scores = [accuracy_on_strangers(points, shared, seed, n_components)[0] for seed in range(3)]
    rows.append({"features": features, "covariance": "shared" if shared else "own"})
    rows[-1] |= {"right [%]": 100 * np.mean(scores), "worst of 3 seeds [%]": 100 * min(scores)}
    rows[-1]["target [%]"] = None if n_components else 60.0
table(rows, title=f"Vowels of speakers never heard, {len(labels)} clips ({digits.name})")
plot.confusion(
    accuracy_on_strangers(log_formants, False, 0)[1], NAMES, title="Which vowel was taken for which"
)

# %% [markdown]
# Look at the confusions: they are neighbours on the chart. *ee* and *i* share their place, and what parts
# them for you is mostly their length. So two numbers carry most of a vowel, not all of it. And two numbers
# chosen with knowledge of the mouth do as well as ten that a method found by itself, or better.
#
# ### 3. Get used to a new voice
#
# Now the stranger says each vowel m times. Maximum likelihood takes the mean of these m clips. MAP combines
# them with what is known from the other speakers. Both keep the covariance of the others' voices, and both
# are measured on the stranger's remaining clips.
#
# **Target:** after two clips of each vowel, MAP is at least 2 points better than after none.


# %%
def adapted_accuracy(stranger: str, m: int, seed: int) -> dict[str, float]:
    """Share of right vowels of a stranger of whom m clips of each vowel are known."""
    rng, (people, between, within) = np.random.default_rng(seed), others_than(stranger)
    of_stranger = [np.flatnonzero((speakers == stranger) & (labels == k)) for k in range(len(NAMES))]
    clips = [rng.permutation(mine) for mine in of_stranger]
    heard = [log_formants[mine[:m]] for mine in clips]
    tested = np.concatenate([mine[m:] for mine in clips])
    means = {"MAP": [map_mean(heard[k], within[k], people[k], between)[0] for k in range(len(NAMES))]}
    if m > 0:
        means["maximum likelihood"] = [points.mean(axis=0) for points in heard]
    right = {}
    for name, centres in means.items():
        scores = [
            gaussian_log_density(log_formants[tested], centres[k], within[k]) for k in range(len(NAMES))
        ]
        right[name] = float(np.mean(np.argmax(scores, axis=0) == labels[tested]))
    return right


known_clips = (0, 1, 2, 4)
strangers = sorted(set(speakers))[:6]
draws = range(3 if fast_mode() else 10)
curves = {"MAP": [], "maximum likelihood": []}
for m in progress(known_clips, "getting used to voices"):
    results = [adapted_accuracy(stranger, m, seed) for stranger in strangers for seed in draws]
    for name, values in curves.items():
        values.append(100 * np.mean([result.get(name, np.nan) for result in results]))
table(
    [
        {"clips of each vowel": m, "MAP [%]": posterior, "maximum likelihood [%]": ml if m else None}
        for m, posterior, ml in zip(known_clips, *curves.values(), strict=True)
    ],
    title=f"A new voice: {curves['MAP'][2] - curves['MAP'][0]:.1f} points won by two clips (target: 2)",
)
plot.lines(
    {name: (known_clips, values) for name, values in curves.items()},
    x_label="clips of each vowel by the new speaker",
    y_label="right vowels [%]",
    title="Getting used to a new voice",
)

# %% [markdown]
# Without any clip, maximum likelihood has no answer; MAP has the prior. Then both learn, and soon they
# meet, because the prior weighs less with every clip. Which of them is ahead by a point depends on how well
# the prior describes people, and a handful of other speakers is little to learn that from. The lab on
# Gaussian mixtures adapts a whole recogniser to a speaker this way.

# %% [markdown]
# ## Against the library
#
# The same questions to NumPy, SciPy and scikit-learn: do the answers agree, and how long does each take?

# %%
from scipy.stats import multivariate_normal
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

piece = magnitude[:40]
grid = np.tile(log_formants, (20, 1))
mean, covariance = maximum_likelihood(log_formants)
lda = LinearDiscriminantAnalysis(solver="lsqr").fit(log_formants, labels)
pairs = {
    "svd of 40 frames, singular values": (
        lambda: svd(piece)[1],
        lambda: np.linalg.svd(piece, full_matrices=False)[1],
    ),
    "principal_components, variances": (
        lambda: principal_components(vowels["bands"], 10)[2],
        lambda: PCA(10).fit(vowels["bands"]).explained_variance_,
    ),
    "gaussian_log_density": (
        lambda: gaussian_log_density(grid, mean, covariance),
        lambda: multivariate_normal(mean, covariance).logpdf(grid),
    ),
    "gaussian_classifier, shared": (
        lambda: gaussian_classifier(log_formants, labels, log_formants, shared=True),
        lambda: lda.predict_log_proba(log_formants),
    ),
}
rows = []
for name, (mine, theirs) in pairs.items():
    difference = np.abs(mine() - theirs()).max()
    rows.append({"function": name, "largest difference": difference})
    rows[-1] |= {"yours [ms]": 1000 * stopwatch(mine), "theirs [ms]": 1000 * stopwatch(theirs)}
table(rows, title="numpy.linalg.svd, sklearn PCA, scipy.stats, sklearn LDA")

# %% [markdown]
# The Gaussians are as fast as the library's. The SVD is not: Jacobi's method does its turns one by one in
# Python, and LAPACK's routine needs fewer steps, in compiled code. Also look at the *smallest* singular
# values. Yours come from the square $A^\top A$, and squaring halves the digits: what is below $10^{-8}$ of
# the largest is lost. LAPACK never forms that square.

# %% [markdown]
# ## Where it breaks
#
# ### A gliding tone has no low rank
#
# The SVD makes a sound from *fixed* spectra that get louder and softer. A held vowel is exactly that. A
# glide is not: at every moment its spectrum is a new one. Both sounds below are equally simple to describe
# in words.

# %%
time = np.arange(SAMPLE_RATE // 2) / SAMPLE_RATE
held = vowel(PETERSON_BARNEY["heed"][0])
glide = 0.3 * np.sin(2 * np.pi * (300 * time + 3000 * time**2))
curves, sounds = {}, {}
for name, samples in {"held vowel": held, "glide": glide}.items():
    size, angle = analyse(samples)
    parts = svd(size)
    curves[name] = [low_rank(*parts, rank)[1] / np.linalg.norm(size) * 100 for rank in range(31)]
    sounds |= {name: samples, f"{name}, rank 3": resynthesise(low_rank(*parts, 3)[0], angle)[: len(samples)]}
play(sounds, SAMPLE_RATE)
plot.lines(curves, x_label="rank", y_label="error [%]", title="How many patterns does it take?")

# %% [markdown]
# Three patterns hold the vowel. For the glide they hold hardly anything: its singular values are nearly
# equal, so each pattern brings as little as the next. Speech glides all the time. A *network* can learn
# "the same, a little higher" where a sum of fixed patterns cannot. The next two labs build one.
#
# ### One bump is not always enough
#
# A Gaussian has one centre. Ask another question: not *which* vowel, but whether it is a *long* one, as in
# "three" and "four". The class "long vowel" has two centres, one in front of the mouth and one at its back.
# The best Gaussian puts its own between them, where hardly anybody speaks.

# %%
is_long = np.isin(labels, [NAMES.index("ee"), NAMES.index("aw")])
second = np.exp(log_formants[is_long, 1])
heights, edges = np.histogram(second, bins=24, range=(500, 3200), density=True)
mean, covariance = maximum_likelihood(np.log(second)[:, None])
hertz = np.arange(500.0, 3200.0, 5)
plot.lines(
    {
        "measured": ((edges[1:] + edges[:-1]) / 2, heights),
        "one Gaussian (of ln F2)": (
            hertz,
            np.exp(gaussian_log_density(np.log(hertz)[:, None], mean, covariance)) / hertz,
        ),
    },
    x_label="F2 [Hz]",
    y_label="density [1/Hz]",
    title="Second formant of the long vowels in “three” and “four”",
)

# %% [markdown]
# A sum of several Gaussians can follow any shape. It is called a *Gaussian mixture*, and its lab waits in
# phase 1.

# %% [markdown]
# ## Read on
#
# - Strang, *Introduction to Linear Algebra*, 5th edition: chapters 4 (projections), 6 (eigenvalues) and 7
#   (the SVD, with pictures).
# - Golub and Van Loan, *Matrix Computations*, 4th edition, section 8.5: Jacobi's method, and why it
#   converges.
# - Eckart and Young, *The approximation of one matrix by another of lower rank*, Psychometrika 1, 1936.
# - Bishop, *Pattern Recognition and Machine Learning*, 2006: sections 1.2 (probability), 2.3 (the Gaussian)
#   and 12.1 (principal components).
# - Peterson and Barney, *Control methods used in a study of the vowels*, JASA 24, 1952: table II and figure
#   8. Ten pages that founded a field.
# - Hu et al., *LoRA: low-rank adaptation of large language models*, 2021, section 4: the SVD's idea in
#   today's training.
