"""Hidden checks of the lab on decibels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.checking import checks, picture, sound
from labkit import plot


@checks("rms", visible=True)
def test_constant_signal_has_its_own_size(lab):
    assert lab.rms(np.full(7, -2.5)) == pytest.approx(2.5)


@checks("rms")
@given(frequency=st.integers(1, 40), amplitude=st.floats(0.01, 100))
def test_whole_periods_of_a_sine_give_amplitude_over_root_two(lab, frequency, amplitude):
    # closed form, no reference needed; 1e-9 is 1000 samples of float64 rounding
    sine = amplitude * np.sin(2 * np.pi * frequency * np.arange(1000) / 1000)
    assert lab.rms(sine) == pytest.approx(amplitude / np.sqrt(2), rel=1e-9)


@checks("rms")
def test_integer_samples_do_not_overflow(lab):
    assert lab.rms(np.full(4, 30_000, dtype=np.int16)) == pytest.approx(30_000)


@checks("rms")
def test_empty_signal_is_refused(lab):
    with pytest.raises(ValueError):
        lab.rms(np.array([]))


@checks("power_to_db")
def test_half_the_amplitude_is_six_decibels_down(lab):
    assert lab.power_to_db(np.array([0.25])) == pytest.approx(-6.0206, abs=1e-4)


@checks("power_to_db")
def test_agrees_with_librosa_above_the_floor(lab, rng):
    import librosa

    power = rng.uniform(1e-6, 10, size=(5, 9))
    expected = librosa.power_to_db(power, ref=0.5, amin=1e-12, top_db=None)
    np.testing.assert_allclose(lab.power_to_db(power, reference=0.5), expected, rtol=1e-10)


@checks("power_to_db")
@given(floor=st.floats(-120, -1), reference=st.floats(0.001, 1000))
def test_silence_sits_on_the_floor_whatever_the_reference(lab, floor, reference):
    assert lab.power_to_db(np.zeros(3), reference, floor) == pytest.approx([floor] * 3)


@checks("power_to_db", visible=True)
def test_negative_powers_are_refused(lab):
    with pytest.raises(ValueError):
        lab.power_to_db(np.array([1.0, -1.0]))


@checks("power_to_db")
@pytest.mark.parametrize("reference", [0.0, -1.0])
def test_reference_must_be_a_power(lab, reference):
    with pytest.raises(ValueError):
        lab.power_to_db(np.ones(2), reference)


@picture("power_to_db")
def levels(output, power, reference=1.0, floor_db=-80.0):
    return plot.lines({"yours": output}, x_label="value", y_label="level [dB]", hlines={"floor": floor_db})


@sound("power_to_db")
def noise_at_that_level(output, *args, **options):
    return {"yours": np.resize(output, 800) / 100}, 8000
