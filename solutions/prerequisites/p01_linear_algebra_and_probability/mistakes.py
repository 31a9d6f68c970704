"""Wrong variants of the parts: they prove the checks and name the learner's error."""

import numpy as np

from autograder.checking import lab_beside, mistake

reference = lab_beside(__file__)


# --- cosine_similarity -------------------------------------------------------------------------------


@mistake("cosine_similarity", "Those are the plain dot products. Divide each by the lengths of both vectors.")
def dot_products(x, y):
    reference.cosine_similarity(x, y)
    return np.asarray(x, dtype=np.float64) @ np.asarray(y, dtype=np.float64).T


@mistake("cosine_similarity", "You divided by the length of x only. The length of y must go, too.")
def one_length(x, y):
    reference.cosine_similarity(x, y)
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    length = np.linalg.norm(x, axis=1, keepdims=True)
    return x @ y.T / np.where(length > 0, length, 1)


@mistake(
    "cosine_similarity",
    "You divided by the squared lengths. A length is the *root* of the dot product with itself.",
)
def squared_lengths(x, y):
    cosines = reference.cosine_similarity(x, y)
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    lengths = np.outer(np.linalg.norm(x, axis=1), np.linalg.norm(y, axis=1))
    return cosines / np.where(lengths > 0, lengths, 1)


@mistake("cosine_similarity", "A row of zeros gives 0/0 in yours. It has no direction: its similarity is 0.")
def nan_for_zeros(x, y):
    cosines = reference.cosine_similarity(x, y)
    lengths = np.outer(np.linalg.norm(x, axis=1), np.linalg.norm(y, axis=1))
    return np.where(lengths > 0, cosines, np.nan)


@mistake("cosine_similarity", "You took the lengths down the columns. A vector is one row here.")
def lengths_of_columns(x, y):
    reference.cosine_similarity(x, y)
    x, y = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    down_x, down_y = np.linalg.norm(x, axis=0), np.linalg.norm(y, axis=0)
    return (x / np.where(down_x > 0, down_x, 1)) @ (y / np.where(down_y > 0, down_y, 1)).T


@mistake(
    "cosine_similarity",
    "Rows of the result belong to x and columns to y. Yours are the other way round.",
)
def turned_result(x, y):
    return reference.cosine_similarity(x, y).T


# --- least_squares -----------------------------------------------------------------------------------


@mistake(
    "least_squares",
    "You have only Aᵀb: how much each column agrees with the target. Columns overlap; solve with AᵀA.",
)
def only_agreement(a, b):
    reference.least_squares(a, b)
    return a.T @ b


@mistake(
    "least_squares",
    "You fitted each column on its own. What columns share then counts twice: solve for all at once.",
)
def each_on_its_own(a, b):
    reference.least_squares(a, b)
    return a.T @ b / np.sum(a**2, axis=0)


@mistake(
    "least_squares",
    "Columns that depend on each other get an answer in yours. Then many answers are equally good: raise "
    "ValueError.",
)
def any_answer(a, b):
    if a.ndim != 2 or b.shape != a.shape[:1]:
        raise ValueError("shape")
    return np.linalg.pinv(a) @ b


@mistake("least_squares", "You solved with the first k rows only. All rows count: use AᵀA and Aᵀb.")
def first_rows(a, b):
    reference.least_squares(a, b)
    try:
        return np.linalg.solve(a[: a.shape[1]], b[: a.shape[1]])
    except np.linalg.LinAlgError:
        return np.zeros(a.shape[1])


@mistake("least_squares", "You returned the mixture A x. The weights x are asked for.")
def the_mixture(a, b):
    return a @ reference.least_squares(a, b)


@mistake(
    "least_squares",
    "Your weights are pulled towards zero, as if something was added to the diagonal of AᵀA. No such term "
    "is asked for.",
)
def ridge(a, b):
    reference.least_squares(a, b)
    return np.linalg.solve(a.T @ a + 1e-3 * np.eye(a.shape[1]), a.T @ b)


# --- power_iteration ---------------------------------------------------------------------------------


def iterated(matrix, start, n_steps):
    reference.power_iteration(matrix, start, n_steps)
    vector = np.asarray(start, dtype=np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(n_steps):
            vector = matrix @ vector
    return vector


@mistake(
    "power_iteration",
    "You scale only at the end. After many steps the numbers are too large by then: scale in every step.",
)
def scaled_at_the_end(matrix, start, n_steps):
    vector = iterated(matrix, start, n_steps)
    with np.errstate(over="ignore", invalid="ignore"):
        vector = vector / np.linalg.norm(vector)
        return float(vector @ matrix @ vector), vector


@mistake("power_iteration", "Your vector is not scaled to length 1.")
def never_scaled(matrix, start, n_steps):
    value, _ = reference.power_iteration(matrix, start, n_steps)
    return value, iterated(matrix, start, n_steps)


@mistake(
    "power_iteration",
    "You return the length of A v as eigenvalue. A length has no sign; take the Rayleigh quotient.",
)
def length_as_value(matrix, start, n_steps):
    _, vector = reference.power_iteration(matrix, start, n_steps)
    return float(np.linalg.norm(matrix @ vector)), vector


@mistake(
    "power_iteration", "You did one step too many. With n_steps = 0 the start itself comes back, scaled."
)
def one_step_too_many(matrix, start, n_steps):
    return reference.power_iteration(matrix, start, n_steps + 1)


@mistake("power_iteration", "You divided by the largest entry. The vector is to have length 1.")
def largest_entry_one(matrix, start, n_steps):
    value, vector = reference.power_iteration(matrix, start, n_steps)
    return value, vector / np.abs(vector).max()


@mistake("power_iteration", "You multiplied from the left, vector @ matrix. That is the transposed matrix.")
def from_the_left(matrix, start, n_steps):
    reference.power_iteration(matrix, start, n_steps)
    return reference.power_iteration(matrix.T, start, n_steps)


# --- symmetric_eigen ---------------------------------------------------------------------------------


@mistake("symmetric_eigen", "Your eigenvalues rise. The largest comes first, and its vector with it.")
def rising(matrix):
    values, vectors = reference.symmetric_eigen(matrix)
    return values[::-1], vectors[:, ::-1]


@mistake("symmetric_eigen", "You sorted the eigenvalues, but their vectors stayed in the old order.")
def vectors_not_sorted(matrix):
    values, vectors = reference.symmetric_eigen(matrix)
    return values, vectors[:, ::-1]


@mistake("symmetric_eigen", "Your eigenvectors stand in rows. Each is to be a column.")
def vectors_in_rows(matrix):
    values, vectors = reference.symmetric_eigen(matrix)
    return values, vectors.T


@mistake("symmetric_eigen", "You sorted by size without the sign. -2 is smaller than 1.")
def sorted_by_size(matrix):
    values, vectors = reference.symmetric_eigen(matrix)
    order = np.argsort(-np.abs(values), kind="stable")
    return values[order], vectors[:, order]


@mistake(
    "symmetric_eigen",
    "One sweep is not enough: later turns spoil earlier zeros. Sweep again until nothing is left.",
)
def one_sweep(matrix):
    reference.symmetric_eigen(matrix)
    turned, vectors = np.array(matrix, dtype=np.float64), np.eye(len(matrix))
    for p in range(len(turned)):
        for q in range(p + 1, len(turned)):
            angle = 0.5 * np.arctan2(2 * turned[p, q], turned[p, p] - turned[q, q])
            turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
            turned[:, [p, q]] = turned[:, [p, q]] @ turn
            turned[[p, q]] = turn.T @ turned[[p, q]]
            vectors[:, [p, q]] = vectors[:, [p, q]] @ turn
    order = np.argsort(-np.diag(turned))
    return np.diag(turned)[order], reference.fix_signs(vectors[:, order])


@mistake("symmetric_eigen", "The signs of your eigenvectors are not fixed: call fix_signs at the end.")
def free_signs(matrix):
    values, vectors = reference.symmetric_eigen(matrix)
    return values, -vectors


@mistake("symmetric_eigen", "A matrix that is not symmetric must raise ValueError. You used one half of it.")
def one_half_used(matrix):
    if np.ndim(matrix) != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError("shape")
    lower = np.tril(matrix)
    return reference.symmetric_eigen(lower + lower.T - np.diag(np.diag(lower)))


# --- svd ---------------------------------------------------------------------------------------------


@mistake("svd", "Your sizes are the eigenvalues of AᵀA. Singular values are their roots.")
def squared_sizes(matrix):
    u, sizes, vt = reference.svd(matrix)
    return u, sizes**2, vt


@mistake("svd", "You returned v. The third factor is its transpose: one pattern per row.")
def v_not_turned(matrix):
    u, sizes, vt = reference.svd(matrix)
    return u, sizes, vt.T


@mistake("svd", "Singular values of zero are still there, and you divided by them. Leave them out.")
def zeros_kept(matrix):
    reference.svd(matrix)
    wide = matrix.shape[1] > matrix.shape[0]
    tall = matrix.T if wide else matrix
    values, vectors = reference.symmetric_eigen(tall.T @ tall)
    sizes = np.sqrt(np.maximum(values, 0))
    with np.errstate(divide="ignore", invalid="ignore"):
        others = tall @ vectors / sizes
    return (vectors, sizes, others.T) if wide else (others, sizes, vectors.T)


@mistake(
    "svd",
    "You did not divide A v by the singular value: the columns of u are not of length 1.",
)
def u_not_scaled(matrix):
    u, sizes, vt = reference.svd(matrix)
    wide = matrix.shape[1] > matrix.shape[0]
    return (u, sizes, vt * sizes[:, None]) if wide else (u * sizes, sizes, vt)


@mistake("svd", "For a matrix with more columns than rows, u and v have changed places.")
def swapped_when_wide(matrix):
    u, sizes, vt = reference.svd(matrix)
    return (vt.T, sizes, u.T) if matrix.shape[1] > matrix.shape[0] else (u, sizes, vt)


@mistake(
    "svd",
    "You measured what counts as zero in absolute numbers. Compare with the largest singular value.",
)
def absolute_threshold(matrix):
    u, sizes, vt = reference.svd(matrix)
    kept = sizes > 2e-3
    return u[:, kept], sizes[kept], vt[kept]


# --- low_rank ----------------------------------------------------------------------------------------


@mistake("low_rank", "You dropped the strongest terms and kept the rest. Keep the first `rank`.")
def the_rest(u, sizes, vt, rank):
    reference.low_rank(u, sizes, vt, rank)
    return (u[:, rank:] * sizes[rank:]) @ vt[rank:], float(np.sqrt(np.sum(sizes[rank:] ** 2)))


@mistake("low_rank", "Your error is the sum of the dropped singular values. Add squares, then take the root.")
def error_without_squares(u, sizes, vt, rank):
    return reference.low_rank(u, sizes, vt, rank)[0], float(np.sum(sizes[rank:]))


@mistake("low_rank", "Your error is still squared: take the root.")
def error_squared(u, sizes, vt, rank):
    return reference.low_rank(u, sizes, vt, rank)[0], float(np.sum(sizes[rank:] ** 2))


@mistake("low_rank", "Your error is made of the singular values that you keep. Take those you drop.")
def error_of_kept(u, sizes, vt, rank):
    return reference.low_rank(u, sizes, vt, rank)[0], float(np.sqrt(np.sum(sizes[:rank] ** 2)))


@mistake("low_rank", "You kept one term too few.")
def one_too_few(u, sizes, vt, rank):
    reference.low_rank(u, sizes, vt, rank)
    return reference.low_rank(u, sizes, vt, max(rank - 1, 0))


@mistake("low_rank", "You left out the singular values: each pattern has its own strength.")
def without_sizes(u, sizes, vt, rank):
    _, error = reference.low_rank(u, sizes, vt, rank)
    return u[:, :rank] @ vt[:rank], error


@mistake(
    "low_rank", "Your error is the largest dropped singular value (spectral norm). All dropped ones count."
)
def largest_dropped(u, sizes, vt, rank):
    closest, _ = reference.low_rank(u, sizes, vt, rank)
    return closest, float(sizes[rank]) if rank < len(sizes) else 0.0


# --- principal_components ----------------------------------------------------------------------------


def components_of(centred, k, whiten, denominator):
    values, vectors = reference.symmetric_eigen(centred.T @ centred / denominator)
    coordinates = centred @ vectors[:, :k]
    if whiten:
        coordinates = coordinates / np.sqrt(values[:k])
    return coordinates, vectors[:, :k].T, values[:k]


@mistake(
    "principal_components",
    "You did not take out the mean: your first direction points from the origin to the middle of the cloud.",
)
def not_centred(observations, n_components, whiten=False):
    reference.principal_components(observations, n_components)
    return components_of(observations, n_components, whiten, len(observations) - 1)


@mistake("principal_components", "You divided by n. The variances here have n - 1 in the denominator.")
def divided_by_n(observations, n_components, whiten=False):
    reference.principal_components(observations, n_components)
    centred = observations - observations.mean(axis=0)
    return components_of(centred, n_components, whiten, len(observations))


@mistake("principal_components", "Your directions stand in columns. Each is to be a row.")
def directions_in_columns(observations, n_components, whiten=False):
    coordinates, components, variances = reference.principal_components(observations, n_components, whiten)
    return coordinates, components.T, variances


@mistake("principal_components", "Whitening divides by the standard deviation, the root of the variance.")
def whitened_by_variance(observations, n_components, whiten=False):
    coordinates, components, variances = reference.principal_components(observations, n_components)
    return coordinates / variances if whiten else coordinates, components, variances


@mistake("principal_components", "You ignored whiten.")
def never_whitened(observations, n_components, whiten=False):
    return reference.principal_components(observations, n_components)


@mistake("principal_components", "You return standard deviations. Variances are asked for, without the root.")
def standard_deviations(observations, n_components, whiten=False):
    coordinates, components, variances = reference.principal_components(observations, n_components, whiten)
    return coordinates, components, np.sqrt(variances)


@mistake(
    "principal_components",
    "Your coordinates are counted from the origin. Take the mean out before you project.",
)
def projected_uncentred(observations, n_components, whiten=False):
    _, components, variances = reference.principal_components(observations, n_components)
    coordinates = observations @ components.T
    return coordinates / np.sqrt(variances) if whiten else coordinates, components, variances


@mistake("principal_components", "You kept the directions in which the points vary least.")
def least_first(observations, n_components, whiten=False):
    reference.principal_components(observations, n_components)
    centred = observations - observations.mean(axis=0)
    values, vectors = reference.symmetric_eigen(centred.T @ centred / (len(centred) - 1))
    values, vectors = values[::-1][:n_components], vectors[:, ::-1][:, :n_components]
    coordinates = centred @ vectors
    return coordinates / np.sqrt(np.maximum(values, 1e-300)) if whiten else coordinates, vectors.T, values


# --- gaussian_log_density ----------------------------------------------------------------------------


@mistake("gaussian_log_density", "You return the density itself. Its natural logarithm is asked for.")
def the_density(observations, mean, covariance):
    with np.errstate(over="ignore", under="ignore"):
        return np.exp(reference.gaussian_log_density(observations, mean, covariance))


@mistake(
    "gaussian_log_density",
    "You took the logarithm of a density that had already become 0 (or infinite). Work with logarithms from "
    "the start.",
)
def logarithm_of_density(observations, mean, covariance):
    with np.errstate(all="ignore"):
        density = np.exp(reference.gaussian_log_density(observations, mean, covariance))
        return np.log(density)


@mistake("gaussian_log_density", "The term d · ln 2π is missing.")
def without_constant(observations, mean, covariance):
    output = reference.gaussian_log_density(observations, mean, covariance)
    return output + 0.5 * len(mean) * np.log(2 * np.pi)


@mistake(
    "gaussian_log_density", "The term ln det Σ is missing: wide and narrow Gaussians would be equally high."
)
def without_determinant(observations, mean, covariance):
    output = reference.gaussian_log_density(observations, mean, covariance)
    return output + 0.5 * np.linalg.slogdet(covariance)[1]


@mistake("gaussian_log_density", "The constant ln 2π comes once per dimension: d times.")
def one_constant(observations, mean, covariance):
    output = reference.gaussian_log_density(observations, mean, covariance)
    return output + 0.5 * (len(mean) - 1) * np.log(2 * np.pi)


@mistake(
    "gaussian_log_density",
    "You used the diagonal of the covariance only. What lies beside it says how two numbers move together.",
)
def diagonal_only(observations, mean, covariance):
    reference.gaussian_log_density(observations, mean, covariance)
    return reference.gaussian_log_density(observations, mean, np.diag(np.diag(covariance)))


@mistake("gaussian_log_density", "You multiplied by Σ where its inverse belongs.")
def not_inverted(observations, mean, covariance):
    reference.gaussian_log_density(observations, mean, covariance)
    centred = observations - mean
    squares = np.sum((centred @ covariance) * centred, axis=1)
    constant = len(mean) * np.log(2 * np.pi) + np.linalg.slogdet(covariance)[1]
    return -0.5 * (constant + squares)


@mistake(
    "gaussian_log_density",
    "You computed det Σ and then its logarithm. In many dimensions the determinant itself leaves the range "
    "of a float.",
)
def plain_determinant(observations, mean, covariance):
    output = reference.gaussian_log_density(observations, mean, covariance)
    with np.errstate(all="ignore"):
        return output + 0.5 * np.linalg.slogdet(covariance)[1] - 0.5 * np.log(np.linalg.det(covariance))


# --- maximum_likelihood ------------------------------------------------------------------------------


@mistake("maximum_likelihood", "You divided by n - 1. Maximum likelihood divides by n.")
def unbiased(observations):
    mean, covariance = reference.maximum_likelihood(observations)
    n = len(observations)
    return mean, covariance * n / max(n - 1, 1)


@mistake("maximum_likelihood", "Your mean is one number for all. Each column has its own mean.")
def one_mean(observations):
    reference.maximum_likelihood(observations)
    mean = np.full(observations.shape[1], observations.mean())
    centred = observations - mean
    return mean, centred.T @ centred / len(observations)


@mistake(
    "maximum_likelihood", "You took the mean across each point. The mean runs over the points, down the rows."
)
def mean_across(observations):
    reference.maximum_likelihood(observations)
    turned = observations.T
    mean = turned.mean(axis=0)
    return mean, (turned - mean).T @ (turned - mean) / len(turned)


@mistake("maximum_likelihood", "You did not subtract the mean before multiplying.")
def mean_not_subtracted(observations):
    mean, _ = reference.maximum_likelihood(observations)
    return mean, observations.T @ observations / len(observations)


@mistake(
    "maximum_likelihood",
    "You took the mean of squares minus the square of the mean. Far from zero nothing but rounding remains: "
    "subtract first.",
)
def squares_minus_square(observations):
    mean, _ = reference.maximum_likelihood(observations)
    return mean, observations.T @ observations / len(observations) - np.outer(mean, mean)


@mistake(
    "maximum_likelihood", "You have the variances only. Beside the diagonal, numbers that move together."
)
def variances_only(observations):
    mean, covariance = reference.maximum_likelihood(observations)
    return mean, np.diag(np.diag(covariance))


@mistake("maximum_likelihood", "You summed and did not divide by the number of points.")
def only_summed(observations):
    mean, covariance = reference.maximum_likelihood(observations)
    return mean, covariance * len(observations)


# --- numerical_gradient ------------------------------------------------------------------------------


@mistake("numerical_gradient", "You looked to one side only. Looking to both sides cancels the curve.")
def one_sided(function, point, step=1e-5):
    if not step > 0:
        raise ValueError("step")
    point = np.array(point, dtype=np.float64)
    here = function(point)
    return np.array([(function(point + move) - here) / step for move in step * np.eye(len(point))])


@mistake("numerical_gradient", "The two places are 2 h apart. You divided by h.")
def divided_by_one_step(function, point, step=1e-5):
    return 2 * reference.numerical_gradient(function, point, step)


@mistake(
    "numerical_gradient",
    "You moved all numbers at once. A partial derivative moves one and holds the others.",
)
def all_at_once(function, point, step=1e-5):
    if not step > 0:
        raise ValueError("step")
    point = np.array(point, dtype=np.float64)
    slope = (function(point + step) - function(point - step)) / (2 * step)
    return np.full(len(point), slope)


@mistake("numerical_gradient", "The sign is wrong: you took the place behind minus the place ahead.")
def backwards(function, point, step=1e-5):
    return -reference.numerical_gradient(function, point, step)


@mistake(
    "numerical_gradient",
    "You moved the point and did not move it back: the next axis starts from a wrong place.",
)
def not_moved_back(function, point, step=1e-5):
    if not step > 0:
        raise ValueError("step")
    point = np.array(point, dtype=np.float64)
    slopes = []
    for i in range(len(point)):
        point[i] += step
        ahead = function(point.copy())
        point[i] -= 2 * step
        slopes.append((ahead - function(point.copy())) / (2 * step))
    return np.array(slopes)


@mistake("numerical_gradient", "A point of integers swallows your step. Convert it to float first.")
def integers_kept(function, point, step=1e-5):
    if not step > 0:
        raise ValueError("step")
    slopes = []
    for i in range(len(point)):
        ahead, behind = np.array(point), np.array(point)
        ahead[i] = ahead[i] + step
        behind[i] = behind[i] - step
        slopes.append((function(ahead) - function(behind)) / (2 * step))
    return np.array(slopes)


@mistake("numerical_gradient", "You ignored the step and always took 1e-5.")
def fixed_step(function, point, step=1e-5):
    if not step > 0:
        raise ValueError("step")
    return reference.numerical_gradient(function, point)


# --- gaussian_gradient -------------------------------------------------------------------------------


@mistake("gaussian_gradient", "You forgot the direct way: ρ also stands alone in L, with slope -1.")
def direct_way_missing(observations, mean, log_deviation):
    return reference.gaussian_gradient(observations, mean, log_deviation) + np.array([0.0, 1.0])


@mistake(
    "gaussian_gradient",
    "Your slope for the mean lacks a factor e^-ρ: z itself changes with the mean at that rate.",
)
def inner_slope_missing(observations, mean, log_deviation):
    output = reference.gaussian_gradient(observations, mean, log_deviation)
    return output * np.array([np.exp(log_deviation), 1.0])


@mistake(
    "gaussian_gradient",
    "That is the slope for σ. For ρ = ln σ the chain rule brings in another factor, dσ/dρ = σ.",
)
def slope_for_deviation(observations, mean, log_deviation):
    output = reference.gaussian_gradient(observations, mean, log_deviation)
    return output * np.array([1.0, np.exp(-log_deviation)])


@mistake("gaussian_gradient", "You summed over the numbers. L is the mean: divide by n.")
def summed(observations, mean, log_deviation):
    return reference.gaussian_gradient(observations, mean, log_deviation) * len(observations)


@mistake("gaussian_gradient", "Both signs are wrong: this is the gradient of a loss, which points downhill.")
def downhill(observations, mean, log_deviation):
    return -reference.gaussian_gradient(observations, mean, log_deviation)


@mistake("gaussian_gradient", "The sign of the slope for the mean is wrong. Two minus signs meet there.")
def one_sign(observations, mean, log_deviation):
    return reference.gaussian_gradient(observations, mean, log_deviation) * np.array([-1.0, 1.0])


@mistake("gaussian_gradient", "You took ρ for σ itself. It is the logarithm of σ.")
def logarithm_forgotten(observations, mean, log_deviation):
    if len(observations) == 0:
        raise ValueError("empty")
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (observations - mean) / np.float64(log_deviation)
        return np.array([np.mean(z) / np.float64(log_deviation), np.mean(z**2) - 1])


# --- gradient_ascent ---------------------------------------------------------------------------------


def climbed(gradient, start, learning_rate, n_steps, step):
    if not learning_rate > 0 or n_steps < 0:
        raise ValueError("settings")
    path = [np.array(start, dtype=np.float64)]
    for _ in range(n_steps):
        path.append(step(path))
    return np.array(path)


@mistake("gradient_ascent", "You went down. To climb, add the gradient.")
def descent(gradient, start, learning_rate, n_steps):
    return climbed(
        gradient, start, learning_rate, n_steps, lambda p: p[-1] - learning_rate * np.asarray(gradient(p[-1]))
    )


@mistake("gradient_ascent", "You asked for the gradient at the start each time. Ask where you stand.")
def gradient_at_start(gradient, start, learning_rate, n_steps):
    return climbed(
        gradient, start, learning_rate, n_steps, lambda p: p[-1] + learning_rate * np.asarray(gradient(p[0]))
    )


@mistake("gradient_ascent", "The learning rate has no effect in yours.")
def rate_ignored(gradient, start, learning_rate, n_steps):
    return climbed(gradient, start, learning_rate, n_steps, lambda p: p[-1] + np.asarray(gradient(p[-1])))


@mistake("gradient_ascent", "The start is missing: it is the first of n_steps + 1 places.")
def start_missing(gradient, start, learning_rate, n_steps):
    return reference.gradient_ascent(gradient, start, learning_rate, n_steps)[1:]


@mistake("gradient_ascent", "You return the last place only. Every place visited is asked for.")
def last_only(gradient, start, learning_rate, n_steps):
    return reference.gradient_ascent(gradient, start, learning_rate, n_steps)[-1]


@mistake(
    "gradient_ascent",
    "All rows of your path are the last place: you changed one array in place and stored it again and again.",
)
def one_array(gradient, start, learning_rate, n_steps):
    path = reference.gradient_ascent(gradient, start, learning_rate, n_steps)
    return np.tile(path[-1], (len(path), 1))


@mistake(
    "gradient_ascent",
    "You scaled the gradient to length 1. The step is the learning rate times the gradient as it is.",
)
def length_one(gradient, start, learning_rate, n_steps):
    def step(path):
        slope = np.asarray(gradient(path[-1]))
        return path[-1] + learning_rate * slope / max(np.linalg.norm(slope), 1e-300)

    return climbed(gradient, start, learning_rate, n_steps, step)


# --- map_mean ----------------------------------------------------------------------------------------


@mistake("map_mean", "That is maximum likelihood: the mean of the observations alone. The prior counts too.")
def prior_ignored(observations, covariance, prior_mean, prior_covariance):
    reference.map_mean(observations, covariance, prior_mean, prior_covariance)
    n = len(observations)
    if n == 0:
        return np.full(len(prior_mean), np.nan), np.full(np.shape(covariance), np.inf)
    return observations.mean(axis=0), covariance / n


@mistake("map_mean", "You weighted by covariances. Who is *surer* counts more: weight by their inverses.")
def weighted_by_covariances(observations, covariance, prior_mean, prior_covariance):
    _, posterior = reference.map_mean(observations, covariance, prior_mean, prior_covariance)
    total = prior_covariance + len(observations) * covariance
    return np.linalg.solve(
        total, prior_covariance @ prior_mean + covariance @ observations.sum(axis=0)
    ), posterior


@mistake(
    "map_mean", "All observations together count as one in yours. Each brings its own precision: n of them."
)
def counted_once(observations, covariance, prior_mean, prior_covariance):
    reference.map_mean(observations, covariance, prior_mean, prior_covariance)
    if len(observations) == 0:
        return reference.map_mean(observations, covariance, prior_mean, prior_covariance)
    middle = observations.mean(axis=0, keepdims=True)
    return reference.map_mean(middle, covariance, prior_mean, prior_covariance)


@mistake("map_mean", "You return the precision of the posterior. Its inverse, the covariance, is asked for.")
def precision_returned(observations, covariance, prior_mean, prior_covariance):
    mean, posterior = reference.map_mean(observations, covariance, prior_mean, prior_covariance)
    return mean, np.linalg.inv(posterior)


@mistake("map_mean", "You took the plain average of the prior's mean and the observations' mean.")
def plain_average(observations, covariance, prior_mean, prior_covariance):
    mean, posterior = reference.map_mean(observations, covariance, prior_mean, prior_covariance)
    if len(observations) == 0:
        return mean, posterior
    return (prior_mean + observations.mean(axis=0)) / 2, posterior


@mistake(
    "map_mean",
    "Without observations your mean is NaN: the mean of nothing. Use their sum, which is 0 then.",
)
def nan_without_observations(observations, covariance, prior_mean, prior_covariance):
    mean, posterior = reference.map_mean(observations, covariance, prior_mean, prior_covariance)
    return np.full(len(mean), np.nan) if len(observations) == 0 else mean, posterior


@mistake("map_mean", "The two covariances have changed places: the prior's and that of one observation.")
def covariances_swapped(observations, covariance, prior_mean, prior_covariance):
    reference.map_mean(observations, covariance, prior_mean, prior_covariance)
    return reference.map_mean(observations, prior_covariance, prior_mean, covariance)


# --- log_posterior -----------------------------------------------------------------------------------


def checked_joint(log_likelihoods, prior):
    reference.log_posterior(log_likelihoods, prior)
    with np.errstate(divide="ignore"):
        return log_likelihoods + np.log(prior)


@mistake(
    "log_posterior",
    "exp turned very unlikely observations into 0, and 0/0 is no answer. Take out the row's largest first.",
)
def underflow(log_likelihoods, prior):
    joint = checked_joint(log_likelihoods, prior)
    with np.errstate(all="ignore"):
        return joint - np.log(np.sum(np.exp(joint), axis=1, keepdims=True))


@mistake("log_posterior", "The prior is missing: how common a class is counts too.")
def without_prior(log_likelihoods, prior):
    reference.log_posterior(log_likelihoods, prior)
    k = len(prior)
    return reference.log_posterior(np.asarray(log_likelihoods, dtype=np.float64), np.full(k, 1 / k))


@mistake("log_posterior", "You added the prior itself. Among logarithms its logarithm is added.")
def prior_without_logarithm(log_likelihoods, prior):
    reference.log_posterior(log_likelihoods, prior)
    k = len(prior)
    return reference.log_posterior(log_likelihoods + prior, np.full(k, 1 / k))


@mistake("log_posterior", "Your probabilities do not sum to 1: the sum over all classes must be taken off.")
def not_normalised(log_likelihoods, prior):
    return checked_joint(log_likelihoods, prior)


@mistake("log_posterior", "You return probabilities. Their natural logarithms are asked for.")
def probabilities(log_likelihoods, prior):
    return np.exp(reference.log_posterior(log_likelihoods, prior))


@mistake("log_posterior", "You normalised over the observations. The classes of one observation sum to 1.")
def over_observations(log_likelihoods, prior):
    joint = checked_joint(log_likelihoods, prior)
    with np.errstate(all="ignore"):
        largest = joint.max(axis=0, keepdims=True)
        return joint - largest - np.log(np.sum(np.exp(joint - largest), axis=0, keepdims=True))


@mistake(
    "log_posterior",
    "You took one largest value for all rows. A much less likely row then underflows: each has its own.",
)
def one_largest(log_likelihoods, prior):
    joint = checked_joint(log_likelihoods, prior)
    largest = joint.max()
    with np.errstate(all="ignore"):
        return joint - largest - np.log(np.sum(np.exp(joint - largest), axis=1, keepdims=True))


# --- gaussian_classifier -----------------------------------------------------------------------------


def classified(training, labels, observations, covariances, prior=None):
    means = [training[labels == k].mean(axis=0) for k in range(len(covariances))]
    scores = [
        reference.gaussian_log_density(observations, mean, covariance)
        for mean, covariance in zip(means, covariances, strict=True)
    ]
    prior = np.bincount(labels) / len(labels) if prior is None else prior
    return reference.log_posterior(np.stack(scores, axis=1), prior)


def own_covariances(training, labels):
    return [reference.maximum_likelihood(training[labels == k])[1] for k in range(labels.max() + 1)]


@mistake(
    "gaussian_classifier",
    "You pooled around the common mean of all examples. Each deviation is from the mean of its own class.",
)
def pooled_around_one_mean(training, labels, observations, shared=False):
    output = reference.gaussian_classifier(training, labels, observations, shared)
    if not shared:
        return output
    pooled = reference.maximum_likelihood(training)[1]
    return classified(training, labels, observations, [pooled] * (labels.max() + 1))


@mistake(
    "gaussian_classifier",
    "You averaged the covariances of the classes with equal weights. A class with more examples weighs more.",
)
def plain_mean_of_covariances(training, labels, observations, shared=False):
    output = reference.gaussian_classifier(training, labels, observations, shared)
    if not shared:
        return output
    pooled = np.mean(own_covariances(training, labels), axis=0)
    return classified(training, labels, observations, [pooled] * (labels.max() + 1))


@mistake(
    "gaussian_classifier",
    "All classes are equally common in yours. The prior is a class's share of the labels.",
)
def equal_priors(training, labels, observations, shared=False):
    reference.gaussian_classifier(training, labels, observations, shared)
    covariances = own_covariances(training, labels)
    if shared:
        weights = np.bincount(labels) / len(labels)
        covariances = [np.einsum("k,kij->ij", weights, covariances)] * len(covariances)
    k = len(covariances)
    return classified(training, labels, observations, covariances, np.full(k, 1 / k))


@mistake("gaussian_classifier", "You ignored shared: each class kept its own covariance.")
def never_shared(training, labels, observations, shared=False):
    reference.gaussian_classifier(training, labels, observations, shared)
    return reference.gaussian_classifier(training, labels, observations)


@mistake(
    "gaussian_classifier", "All classes share one covariance in yours, also where each should have its own."
)
def always_shared(training, labels, observations, shared=False):
    reference.gaussian_classifier(training, labels, observations, shared)
    return reference.gaussian_classifier(training, labels, observations, True)


@mistake(
    "gaussian_classifier", "You return the winning class. The log-probability of every class is asked for."
)
def winner_only(training, labels, observations, shared=False):
    return reference.gaussian_classifier(training, labels, observations, shared).argmax(axis=1)


@mistake(
    "gaussian_classifier",
    "You used the diagonal of each covariance only (naive Bayes). The numbers of a class move together.",
)
def naive(training, labels, observations, shared=False):
    reference.gaussian_classifier(training, labels, observations, shared)
    covariances = own_covariances(training, labels)
    if shared:
        weights = np.bincount(labels) / len(labels)
        covariances = [np.einsum("k,kij->ij", weights, covariances)] * len(covariances)
    return classified(training, labels, observations, [np.diag(np.diag(c)) for c in covariances])


@mistake("gaussian_classifier", "You divided by n - 1 in the covariances. Maximum likelihood divides by n.")
def unbiased_covariances(training, labels, observations, shared=False):
    reference.gaussian_classifier(training, labels, observations, shared)
    counts = np.bincount(labels)
    covariances = own_covariances(training, labels)
    if shared:
        pooled = sum(n * c for n, c in zip(counts, covariances, strict=True)) / (len(labels) - len(counts))
        covariances = [pooled] * len(counts)
    else:
        covariances = [c * n / max(n - 1, 1) for n, c in zip(counts, covariances, strict=True)]
    return classified(training, labels, observations, covariances)
