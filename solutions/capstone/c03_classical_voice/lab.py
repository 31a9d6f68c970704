# ---
# jupyter:
#   lab:
#     title: Three classical voices
#     topic: 0
#     minutes: 240
#     difficulty: 4
#     needs: [t05_hmm, t06_gmm, t08a_formants_and_lpc, t08b_unit_selection, t08c_world_vocoder, c01_digit_recognizer, c02_connected_words]
#     libraries: [numpy, scipy]
#     covers:
#       "Formant synthesis (rule-based)": rule_durations
#       "Concatenative TTS: unit selection": "passage: Put it together: three voices"
#       "WORLD vocoder: Parametric voice synthesis": speak_states
#       "HMM for phoneme modeling": join_phones
# ---

# %% [markdown]
# # Three classical voices
#
# Both sounds have the same phones, made by the same machine. Which of them is a sentence?

# %%
import re
import time

import numpy as np
import scipy.linalg
import scipy.signal
from jaxtyping import Float, Int

from autograder import check
from labkit import corpora, fast_mode, play, plot, progress, stopwatch, table
from labkit.corpora import espeak
from labkit.parts import c01_digit_recognizer as digit_words
from labkit.parts import c02_connected_words as connected
from labkit.parts import t05_hmm as hmm
from labkit.parts import t06_gmm as mixtures
from labkit.parts import t08a_formants_and_lpc as formants
from labkit.parts import t08b_unit_selection as selection
from labkit.parts import t08c_world_vocoder as world

HELLO = "HH AX L OW SIL AY AE M AX M AX SH IY N".split()
flat = formants.formant_synthesize([(phone, 0.12) for phone in HELLO], np.array([105.0]), 16_000)
seconds = np.array([70, 60, 70, 210, 180, 190, 110, 70, 60, 80, 50, 130, 170, 120]) / 1000
melody = np.array([105, 150, 118, 96, 90, 112, 128, 110, 98, 140, 116, 92, 78.0])
lively = formants.formant_synthesize(list(zip(HELLO, seconds, strict=True)), melody, 16_000)
play({"a tenth of a second each, one note": flat, "with rhythm and melody": lively}, 16_000)
plot.spectrograms(
    {"all phones alike": flat, "with rhythm and melody": lively}, 16_000, title="Hello, I am a machine"
)

# %% [markdown]
# Both say *hello, I am a machine*. In the first, every phone lasts as long as every other and the voice stays on
# one note. It can be understood, with an effort. Somebody chose the numbers of the second by hand. In this lab
# the machine chooses them.
#
# ## What you will build
#
# You have three ways to make sound: formants by rule, units cut from recordings, and WORLD's tables. None of them
# can read. Here each becomes a voice: **text in, speech out**.
#
# | | unit selection | formant rules | HMM and WORLD |
# |---|---|---|---|
# | from text to phones | `number_words`, then eSpeak's dictionary | the same, and `to_arpabet` | the same as units |
# | how long? | averages of the recordings | `rule_durations` | `state_durations`, `duration_model`, `choose_durations` |
# | how high? | a falling line | `pitch_commands`, `fujisaki_contour` | `state_pitch` |
# | which sound? | the lab on unit selection | the lab on formants | `voice_parameters`, `append_deltas`, `join_phones`, `generate_parameters`, `restore_variance` |
# | all together | | | `speak_states` |
#
# Then a recogniser of connected digits listens to all three, and its errors are counted.
#
# **Who used this?** Klatt's rules spoke in DECtalk, and with them Stephen Hawking. Unit selection was the first
# Siri. The voice of hidden Markov models is **HTS** (Nagoya, first released in 2002): telephones and navigators
# that had only a few megabytes for a voice spoke with it until about 2016.

# %% [markdown]
# ## The idea: somebody must decide
#
# A speech synthesiser takes four decisions, one after the other: which phones, how long each, how high, and which
# sound. The sound you can make. Length and height together are called **prosody**. All three voices need it, and
# there are two ways to get it: write rules, or count in recordings.
#
# **A number first.** How long is the *a* in "cat" and in "cad"? Roughly 0.13 and 0.2 s. A rule says it in one
# line: before *p t k* a vowel is shortened by 0.7, before *b d g* lengthened by 1.2. A statistic says it with a
# mean and a variance for each phone, and knows nothing of *why*. You build both, and hear the difference.

# %% [markdown]
# ## Part 1: what is to be said
#
# "Room 42: don't wait!" has no phones yet. It has letters, digits and marks. First make words of it: small
# letters, digits one by one (as one says a telephone number), and a comma wherever the voice should pause.
#
# **A number first.** `"Room 42: don't wait!"` becomes `room four two , don't wait`: six entries. The mark at the
# end gives no comma, because nothing follows.
#
# What cannot be said, such as `+` or `é`, is refused. To guess would be worse: "5 + 5" without its plus is
# another sum. (Real systems know hundreds of such cases: dates, money, Roman numbers. Topic 19 has a lab of its
# own.)


# %%
DIGITS = "zero one two three four five six seven eight nine".split()


# %% part="number_words" points=3 difficulty=1 minutes=12
def number_words(text: str) -> list[str]:
    """What is to be said: written text as words in lower case, clauses separated by ",".

    Letters are read in lower case, with apostrophes inside a word (' or ’, given back as '). Digits are read one
    by one. The marks , . ; : ? ! end a clause: between two clauses stands one ",", however many marks there are,
    and none before the first word or behind the last. Blanks and hyphens separate words; so does the border
    between letters and digits.

    Args:
        text: as written, with letters a to z.
    Returns:
        Words and ",".
    Raises:
        ValueError: if a character cannot be said (the message names it), or there is no word.
    Source: Taylor 2009, Text-to-Speech Synthesis, chapter 5: text normalisation.
    Example:
        >>> number_words("Room 42: don't wait!")
        ['room', 'four', 'two', ',', "don't", 'wait']
    """
    ### BEGIN SOLUTION
    words = []
    text = text.lower().replace("’", "'")
    for piece in re.findall(r"[a-z]+(?:'[a-z]+)*|[0-9]|[,.;:?!]|[\s-]|.", text):
        if piece in ",.;:?!":
            if words and words[-1] != ",":
                words.append(",")
        elif piece in list("0123456789"):
            words.append(DIGITS[int(piece)])
        elif piece[0] in "abcdefghijklmnopqrstuvwxyz":
            words.append(piece)
        elif not piece.isspace() and piece != "-":
            raise ValueError(f"{piece!r} cannot be said")
    if words and words[-1] == ",":
        words.pop()
    if not words:
        raise ValueError("there is no word to say")
    return words
    ### END SOLUTION


# %% [markdown] hints="number_words"
# 1. Cut the text into pieces first: runs of letters, single digits, marks, blanks, and whatever else there is.
#    Then decide piece by piece.
# 2. `re.findall` with alternatives does the cutting: a word with apostrophes inside, or one digit, or one mark,
#    or a blank or hyphen, or any other character (`.`). Append a comma only if the list has a last word that is
#    none.
# 3. The pattern: `[a-z]+(?:'[a-z]+)*|[0-9]|[,.;:?!]|[\s-]|.`, on `text.lower()` with ’ replaced by '. Remove a
#    comma that is last when all is done. Anything that is no word, digit, mark, blank or hyphen:
#    `raise ValueError`.

# %%
for text in ("My number is 4 2, 7 7 9.", "Wait -- don't!"):
    print(f"{text!r:32} {number_words(text)}")

# %% [markdown]
# From words to phones: eSpeak NG has a dictionary and rules for English. It *tells* the phones; it does not speak
# here. Its phones are written in IPA, with ˈ before a stressed vowel.


# %%
def phones_of(words: list[str]) -> list[str]:
    """eSpeak's phones of words, with a pause at both ends and at each comma."""
    labels = ["sil"]
    for clause in espeak.phonemize(" ".join(words).split(",")):
        labels += [*clause.replace(" ", "_").split("_"), "sil"]
    return [label for label in labels if label]


example = phones_of(number_words("My number is 4 2, 7 7 9."))
print(" ".join(example))

# %% [markdown]
# ## Part 2: two alphabets
#
# The units and the HMM voice learn from recordings that are labelled in IPA. The formant rules know the 39 phones
# of ARPAbet. So translate, with a table of pieces.
#
# A label such as `ˈɔːɹ` (the end of *four*) is *two* phones for the rules, AO and R. And `dʒ` (*j* in *jam*) is
# one, although `d` is in the table as well. The remedy is old: read from the left, and take the **longest** piece
# that the table has.
#
# **A number first.** With a table of `f`, `ɔ`, `ɹ`, `d` and `dʒ`: `ˈɔːɹ` loses its stress mark, `ɔ` is found, `ː`
# alone is in no piece and is left out, `ɹ` is found. Two phones.


# %%
IPA_TO_ARPABET = {
    "iː": ["IY"], "i": ["IY"], "ɪ": ["IH"], "ᵻ": ["IH"], "ɛ": ["EH"], "e": ["EH"], "æ": ["AE"], "a": ["AA"],
    "ɑː": ["AA"], "ɑ": ["AA"], "ɒ": ["AA"], "ɔː": ["AO"], "ɔ": ["AO"], "ʊ": ["UH"], "uː": ["UW"], "u": ["UW"],
    "ʌ": ["AH"], "ə": ["AX"], "ɐ": ["AX"], "ɚ": ["ER"], "ɜː": ["ER"], "ɜ": ["ER"], "eɪ": ["EY"], "oʊ": ["OW"],
    "əʊ": ["OW"], "aɪ": ["AY"], "aʊ": ["AW"], "ɔɪ": ["OY"],
    "p": ["P"], "b": ["B"], "t": ["T"], "d": ["D"], "ɾ": ["D"], "k": ["K"], "x": ["K"], "ɡ": ["G"], "g": ["G"],
    "ʔ": ["T"], "tʃ": ["CH"], "dʒ": ["JH"], "f": ["F"], "v": ["V"], "θ": ["TH"], "ð": ["DH"], "s": ["S"],
    "z": ["Z"], "ʃ": ["SH"], "ʒ": ["ZH"], "h": ["HH"], "m": ["M"], "n": ["N"], "ŋ": ["NG"], "l": ["L"],
    "ɹ": ["R"], "r": ["R"], "w": ["W"], "j": ["Y"], "n̩": ["AX", "N"], "l̩": ["AX", "L"],
}  # fmt: skip


# %% part="to_arpabet" points=4 difficulty=2 minutes=15
def to_arpabet(labels: list[str], table: dict[str, list[str]] = IPA_TO_ARPABET) -> list[str]:
    """eSpeak's phones, in IPA, as the phones of the formant rules.

    Args:
        labels: in IPA, with stress marks (ˈ ˌ) and length marks (ː), or "sil" for a pause.
        table: pieces of labels, in IPA without stress marks, and the phones that they become.
    Returns:
        The phones of all labels in a row; "sil" becomes "SIL". A label without its stress marks is read from left
        to right, each time the longest piece that the table has; a length mark that belongs to no such piece is
        left out.
    Raises:
        ValueError: if a label is empty or has something that the table does not know; the message names the label.
    Source: the symbols: International Phonetic Association 1999; the phones: the CMU Pronouncing Dictionary.
    Example:
        >>> to_arpabet(["sil", "f", "ˈɔːɹ", "dʒ"], {"f": ["F"], "ɔ": ["AO"], "ɹ": ["R"], "dʒ": ["JH"], "d": ["D"]})
        ['SIL', 'F', 'AO', 'R', 'JH']
    """
    ### BEGIN SOLUTION
    phones = []
    for label in labels:
        rest = label.replace("ˈ", "").replace("ˌ", "")
        if rest == "sil":
            phones.append("SIL")
            continue
        if not rest:
            raise ValueError(f"the label {label!r} has no symbol")
        while rest:
            known = [size for size in range(len(rest), 0, -1) if rest[:size] in table]
            if known:
                phones += table[rest[: known[0]]]
            elif rest[0] != "ː":
                raise ValueError(f"the label {label!r} has {rest!r}, which is not in the table")
            rest = rest[known[0] if known else 1 :]
    return phones
    ### END SOLUTION


# %% [markdown] hints="to_arpabet"
# 1. Two loops: over the labels, and inside one label from left to right. What does the inner loop do if nothing
#    fits?
# 2. Keep `rest`, what is left of the label. Try the sizes `len(rest)`, …, 2, 1 until `rest[:size]` is in the
#    table.
# 3. `while rest:` find the largest fitting size; if there is one, append its phones and cut `rest = rest[size:]`.
#    If there is none, a `ː` is dropped; anything else is a `ValueError` with the label in its message.

# %%
print(" ".join(to_arpabet(example)))

# %% [markdown]
# ## Part 3: how long? Klatt's rules
#
# In the 1970s Dennis Klatt collected what was known about the length of sounds, and put it into rules. Each phone
# has an **inherent** duration, when it is said alone, and a **minimum**: below it the tongue does not get there
# at all. The rules multiply only what lies *between* the two:
#
# $$\text{duration} = \text{minimum} + (\text{inherent} - \text{minimum}) \cdot \frac{\text{factor}_1 \cdot \text{factor}_2 \cdots}{\text{speed}}$$
#
# **A number first.** AA has 240 and 100 ms. At the end of a clause its factor is 1.4, and as nothing follows it,
# 1.2 on top: $100 + 140 \cdot 1.68 = 335$ ms. In the middle of a clause, before *t*: the factor is 0.6, and 0.7
# counts by three tenths, $0.7 + 0.3 \cdot 0.7 = 0.91$. So $100 + 140 \cdot 0.546 = 176$ ms.
#
# The strongest rule is the first. Voices slow down before a pause, in nearly every language that was measured. It
# tells the listener that a clause is over.


# %%
VOWELS = "AA AE AH AO AW AX AY EH ER EY IH IY OW OY UH UW".split()
# phone, inherent and minimum duration in milliseconds
DURATION_TABLE = """
AA 240 100  AE 230 80  AH 140 60  AO 240 100  AW 260 100  AX 120 60  AY 250 150  EH 150 70  ER 180 80
EY 190 100  IH 135 40  IY 155 55  OW 220 80  OY 280 150  UH 160 60  UW 210 70
HH 80 20  L 80 40  R 80 30  W 80 60  Y 80 40  M 70 60  N 60 50  NG 95 60  CH 110 80  JH 100 70
F 100 80  V 60 40  TH 90 60  DH 50 30  S 105 60  Z 75 40  SH 105 80  ZH 70 40
P 90 50  B 85 60  T 75 50  D 75 50  K 80 60  G 80 60  SIL 200 100
"""
INHERENT = dict(
    zip(DURATION_TABLE.split()[::3], (int(ms) / 1000 for ms in DURATION_TABLE.split()[1::3]), strict=True)
)
MINIMUM = dict(
    zip(DURATION_TABLE.split()[::3], (int(ms) / 1000 for ms in DURATION_TABLE.split()[2::3]), strict=True)
)
# what a vowel's duration is multiplied by at the end of a clause, by the sound that follows it
FOLLOWED_BY = {
    **dict.fromkeys("V DH Z ZH".split(), 1.6),
    **dict.fromkeys("B D G".split(), 1.2),
    **dict.fromkeys("M N NG".split(), 0.85),
    **dict.fromkeys("P T K".split(), 0.7),
    "SIL": 1.2,
}


# %% part="rule_durations" points=5 difficulty=3 minutes=25
def rule_durations(
    phones: list[str],
    inherent: dict[str, float] = INHERENT,
    minimum: dict[str, float] = MINIMUM,
    speed: float = 1.0,
) -> Float[np.ndarray, "phones"]:
    """Durations by rule: minimum + (inherent - minimum) * factor / speed.

    The factor of a phone is the product of what these rules say (1 where none speaks; always 1 for "SIL"). Before
    the first phone and behind the last one there is "SIL". Vowels are `VOWELS`; consonants are the others but "SIL".

    1. The end of a clause: the last vowel before each "SIL" and the consonants between it and the "SIL": 1.4. If
       there is no vowel since the "SIL" before, nothing is lengthened.
    2. All other vowels: 0.6.
    3. What follows a vowel: `FOLLOWED_BY`, 1 for what is not there. For vowels of rule 2 only three tenths of it
       count: 0.7 + 0.3 * value.
    4. A vowel before a vowel: 1.2; a vowel behind a vowel: 0.7 (both, if both hold).
    5. A consonant between two consonants: 0.5; else before or behind a consonant: 0.7.

    Args:
        phones: ARPAbet, capitals without stress.
        inherent: seconds of each phone said alone.
        minimum: seconds that each phone takes at least.
        speed: 2 halves what is above the minimum.
    Returns:
        Seconds of each phone.
    Raises:
        ValueError: if there are no phones, one has no duration in both tables, or the speed is not positive.
    Source: Klatt 1979, Synthesis by rule of segmental durations in English sentences; rules 2, 3, 9 and 10 of Allen,
        Hunnicutt & Klatt 1987, chapter 9, without those that need words and stress.
    Example:
        >>> rule_durations(["D", "AA"], {"D": 0.08, "AA": 0.25}, {"D": 0.05, "AA": 0.1}).round(3).tolist()
        [0.08, 0.352]
    """
    ### BEGIN SOLUTION
    if not phones or speed <= 0 or any(phone not in inherent or phone not in minimum for phone in phones):
        raise ValueError(f"expected phones of the tables and a positive speed, got {phones} and {speed}")
    around = ["SIL", *phones, "SIL"]
    kinds = ["SIL" if p == "SIL" else "vowel" if p in VOWELS else "consonant" for p in around]
    final = set()  # places between the last vowel of a clause and its end
    for end in [i for i, kind in enumerate(kinds) if kind == "SIL"]:
        first = next((i for i in range(end - 1, 0, -1) if kinds[i] != "consonant"), 0)
        if kinds[first] == "vowel":
            final |= set(range(first, end))
    seconds = np.empty(len(phones))
    for i, phone in enumerate(phones, start=1):
        factor = 1.4 if i in final else 1.0
        same = (kinds[i - 1] == kinds[i]) + 2 * (kinds[i + 1] == kinds[i])
        if kinds[i] == "vowel":
            value = FOLLOWED_BY.get(around[i + 1], 1.0)
            factor *= value if i in final else 0.6 * (0.7 + 0.3 * value)
            factor *= (1.0, 0.7, 1.2, 0.84)[same]
        elif kinds[i] == "consonant":
            factor *= (1.0, 0.7, 0.7, 0.5)[same]
        seconds[i - 1] = minimum[phone] + (inherent[phone] - minimum[phone]) * factor / speed
    return seconds
    ### END SOLUTION


# %% [markdown] hints="rule_durations"
# 1. Make a list of kinds first ("vowel", "consonant", "SIL"), with "SIL" added at both ends. Then mark the places
#    that rule 1 lengthens. Only then walk over the phones.
# 2. For each "SIL": walk to the left over consonants. If you arrive at a vowel, the places from there up to the
#    "SIL" are lengthened; if you arrive at another "SIL", none is.
# 3. For a vowel: `value = FOLLOWED_BY.get(next_phone, 1.0)`; factor `1.4 * value` if lengthened, else
#    `0.6 * (0.7 + 0.3 * value)`; times 1.2 and 0.7 for neighbouring vowels. For a consonant: 1.4 if lengthened,
#    times 0.5 or 0.7.

# %%
arpabet = to_arpabet(example)
speeds = (0.7, 1.0, 1.5, 2.5)
plot.lines(
    {f"speed {speed:g}": 1000 * rule_durations(arpabet, speed=speed) for speed in speeds},
    x_label="number of the phone",
    y_label="duration [ms]",
    title="My number is four two, seven seven nine",
)
table(
    [{"speed": s, "seconds": float(rule_durations(arpabet, speed=s).sum())} for s in speeds],
    title="Total length",
)

# %% [markdown]
# Peaks stand before the pauses. At 2.5 times the speed the sentence is not 2.5 times shorter: the minimum holds.

# %% [markdown]
# ## Part 4: when is the voice pushed up?
#
# Hiroya Fujisaki modelled melody by two kinds of commands, as if two muscles were pulled. A **phrase** command is
# a short push at the start of a clause, from which the voice sinks slowly. An **accent** command lifts the voice
# as long as it lasts, on a stressed syllable. Where do commands come from? From the phones: ˈ marks main stress.
#
# **A number first.** Labels `sil t ˈuː`, lasting 0.25, 0.125 and 0.25 s. The clause begins at 0.25 s. With a lead
# of 0.25 s its phrase command is at 0. The accent lasts from 0.375 to 0.625 s.


# %% part="pitch_commands" points=3 difficulty=2 minutes=12
def pitch_commands(
    labels: list[str],
    durations: Float[np.ndarray, "labels"],
    phrase: float = 0.5,
    accent: float = 0.4,
    lead: float = 0.2,
) -> dict[str, list[list[float]]]:
    """When the voice is pushed up: phrase and accent commands from eSpeak's labels.

    Args:
        labels: in IPA; "ˈ" marks the phones with main stress; "sil" is a pause. A clause is a run of labels
            between pauses.
        durations: of the labels in seconds, the first begins at 0.
        phrase: amplitude of the phrase command of the first clause; each later clause has 0.6 times it.
        accent: amplitude of the first accent in a clause; each further one has 0.9 times that of the one before.
        lead: seconds between a phrase command and the start of its clause.
    Returns:
        "phrases": [time, amplitude] of each clause; "accents": [start, end, amplitude] of each label with
        main stress, from its start to its end; both in the order of time.
    Raises:
        ValueError: if there are not as many durations as labels.
    Source: Fujisaki & Hirose 1984, section 4: phrase commands precede their phrase by about 0.2 s.
    Example:
        >>> pitch_commands(["sil", "t", "ˈuː"], np.array([0.25, 0.125, 0.25]), lead=0.25)
        {'phrases': [[0.0, 0.5]], 'accents': [[0.375, 0.625, 0.4]]}
    """
    ### BEGIN SOLUTION
    if len(labels) != len(durations):
        raise ValueError(f"{len(labels)} labels and {len(durations)} durations, expected as many")
    ends = np.cumsum(durations)
    phrases, accents = [], []
    before, height = "sil", accent
    for label, start, end in zip(labels, ends - durations, ends, strict=True):
        if before == "sil" and label != "sil":
            phrases.append([float(start) - lead, 0.6 * phrase if phrases else phrase])
            height = accent
        if "ˈ" in label:
            accents.append([float(start), float(end), height])
            height = 0.9 * height
        before = label
    return {"phrases": phrases, "accents": accents}
    ### END SOLUTION


# %% [markdown] hints="pitch_commands"
# 1. Walk over the labels with their start times, and remember the label before: a clause begins where a label
#    that is no "sil" follows a "sil", or the very beginning.
# 2. Ends are `np.cumsum(durations)`, starts are ends minus durations. Keep the height of the next accent in a
#    variable.
# 3. At the start of a clause: append `[start - lead, phrase or 0.6 * phrase]`, and set the height back to
#    `accent`. At a label with "ˈ": append `[start, end, height]`, then `height = 0.9 * height`.

# %% [markdown]
# ## Part 5: Fujisaki's contour
#
# A muscle does not jump. Each command goes through a smooth response, and the responses add up in the
# **logarithm** of the frequency:
#
# $$\ln f_0(t) = \ln f_\text{base} + \sum_\text{phrases} A_p\, P(t - t_p) + \sum_\text{accents} A_a \left( A(t - t_1) - A(t - t_2) \right)$$
#
# $$P(t) = \alpha^2 t\, e^{-\alpha t}, \qquad A(t) = \min\left(1 - (1 + \beta t)\, e^{-\beta t},\ \gamma\right), \qquad \text{both 0 for } t < 0 .$$
#
# **A number first.** Base 100 Hz, a phrase of 0.5 at time 0. At $t = 1/3$ s:
# $P = 9 \cdot \tfrac13 \cdot e^{-1} = 1.104$, so $f_0 = 100 \cdot e^{0.552} = 173.6$ Hz. That is the top: with
# $\alpha = 3$ per second a phrase rises for a third of a second.
#
# Why the logarithm? Pitch is heard in ratios. A deep and a high voice with the same melody have the same
# commands.


# %%
ALPHA = 3.0  # 1/s, how fast a phrase rises and falls
BETA = 20.0  # 1/s, likewise an accent
GAMMA = 0.9  # where an accent stops rising


# %% part="fujisaki_contour" points=4 difficulty=3 minutes=20 forbids="scipy.signal"
def fujisaki_contour(
    times: Float[np.ndarray, "times"],
    base: float,
    phrases: list[list[float]],
    accents: list[list[float]],
) -> Float[np.ndarray, "times"]:
    """Fundamental frequency by Fujisaki's model: the logarithm is a sum of responses to commands.

    ln f0(t) = ln(base) + Σ amplitude · P(t - time) + Σ amplitude · (A(t - start) - A(t - end)), with
    P(t) = ALPHA² t exp(-ALPHA t) and A(t) = min(1 - (1 + BETA t) exp(-BETA t), GAMMA), both 0 for t < 0.

    Args:
        times: in seconds, in any order.
        base: lowest frequency of the voice, in Hz.
        phrases: [time, amplitude] of each phrase command.
        accents: [start, end, amplitude] of each accent command.
    Returns:
        f0 in Hz at each of the times.
    Raises:
        ValueError: if `base` is not positive, or an accent does not end after it starts.
    Source: Fujisaki & Hirose 1984, Analysis of voice fundamental frequency contours for declarative sentences of
        Japanese, equations 1 to 3.
    Example:
        >>> fujisaki_contour(np.array([0.0, 1 / 3]), 100.0, [[0.0, 0.5]], []).round(1).tolist()
        [100.0, 173.6]
    """
    ### BEGIN SOLUTION
    if base <= 0 or any(end <= start for start, end, _ in accents):
        raise ValueError(
            f"expected a positive base and accents that end after they start, got {base}, {accents}"
        )

    def phrase(t):
        t = np.maximum(t, 0)
        return ALPHA**2 * t * np.exp(-ALPHA * t)

    def accent(t):
        t = np.maximum(t, 0)
        return np.minimum(1 - (1 + BETA * t) * np.exp(-BETA * t), GAMMA)

    log_f0 = np.full(len(times), np.log(base))
    for moment, amplitude in phrases:
        log_f0 += amplitude * phrase(times - moment)
    for start, end, amplitude in accents:
        log_f0 += amplitude * (accent(times - start) - accent(times - end))
    return np.exp(log_f0)
    ### END SOLUTION


# %% [markdown] hints="fujisaki_contour"
# 1. Write the two responses as small functions of an array of times first. Then two loops that add.
# 2. `np.maximum(t, 0)` makes both responses 0 before their command, all by itself: put t = 0 into the formulas.
# 3. Start from `np.full(len(times), np.log(base))`; add `amplitude * P(times - time)`, and
#    `amplitude * (A(times - start) - A(times - end))`; take `np.exp` at the end.


# %%
def rule_prosody(labels: list[str], speed: float = 1.0, base: float = 85.0):
    """Phones with durations, and commands and contour (100 values a second), by rule."""
    groups = [to_arpabet([label]) for label in labels]
    phones = [phone for group in groups for phone in group]
    durations = rule_durations(phones, speed=speed)
    ends = np.cumsum([len(group) for group in groups])
    of_labels = np.array([durations[end - len(g) : end].sum() for end, g in zip(ends, groups, strict=True)])
    commands = pitch_commands(labels, of_labels)
    times = np.linspace(0, durations.sum(), max(2, round(100 * durations.sum())))
    return (
        list(zip(phones, durations, strict=True)),
        commands,
        times,
        fujisaki_contour(times, base, **commands),
    )


def by_rules(labels: list[str], speed: float = 1.0) -> Float[np.ndarray, "time"]:
    """The voice of the formant rules, at 16 kHz."""
    timed, _, _, f0 = rule_prosody(labels, speed)
    return formants.formant_synthesize(timed, f0, 16_000)


timed, commands, times, f0 = rule_prosody(example)
base = np.full(len(times), 85.0)
only_phrases = fujisaki_contour(times, 85.0, commands["phrases"], [])
pushed = np.full(len(times), np.nan)
for start, end, amplitude in commands["accents"]:
    pushed[(times >= start) & (times < end)] = 60 + 40 * amplitude
plot.lines(
    {
        "phrases and accents": (times, f0),
        "phrases only": (times, only_phrases),
        "base": (times, base),
        "accent commands (height × 40, from 60)": (times, pushed),
    },
    x_label="time [s]",
    y_label="f0 [Hz]",
    title="Two phrases, an accent on each stressed vowel",
)
monotone = formants.formant_synthesize(timed, np.array([110.0]), 16_000)
play({"by rule": by_rules(example), "rhythm by rule, one note": monotone}, 16_000)

# %% [markdown]
# The first voice is complete: it reads any English sentence, and there is no recording in it.

# %% [markdown]
# ## Part 6: what a statistical voice models
#
# Now the voice that learns. Its recordings go through WORLD: pitch, envelope, aperiodicity. A Gaussian over 513 +
# 513 numbers would need far more frames than there are. You know the remedy: 25 mel-cepstral coefficients for the
# envelope, and the aperiodicity at five frequencies.
#
# **A number first.** 513 bins, numbered 0 to 512, five bands: the middles lie at $(b + 0.5)/5 \cdot 512$, that is
# at 51, 154, 256, 358 and 461. $25 + 5 = 30$ numbers a frame.


# %%
N_BANDS = 5  # of the aperiodicity


# %% part="voice_parameters" points=3 difficulty=2 minutes=10
def voice_parameters(
    envelope: Float[np.ndarray, "frames bins"],
    aperiodicity: Float[np.ndarray, "frames bins"],
    order: int = 24,
    n_bands: int = N_BANDS,
    alpha: float = 0.455,
) -> Float[np.ndarray, "frames parameters"]:
    """What the statistical voice models in each frame: mel-cepstrum and aperiodicity in a few bands.

    Args:
        envelope: spectral power, as from `world.spectral_envelope`.
        aperiodicity: of the same shape, 0 to 1.
        order: of the mel-cepstrum.
        n_bands: the aperiodicity is read at the middles of as many equal bands: band b of n at the bin
            round((b + 0.5) / n * (bins - 1)).
        alpha: of the mel-cepstrum.
    Returns:
        order + 1 cepstral coefficients (`world.mel_cepstrum`), then n_bands aperiodicities.
    Raises:
        ValueError: if the two shapes differ, or n_bands is not 1 to the number of bins.
    Source: Zen, Toda, Nakamura & Tokuda 2007, Details of the Nitech HMM-based speech synthesis system, section 2.2.
    Example:
        >>> flat = np.full((2, 9), np.exp(2.0))
        >>> (voice_parameters(flat, flat / flat, order=1, n_bands=2).round(6) + 0)[0].tolist()
        [1.0, 0.0, 1.0, 1.0]
    """
    ### BEGIN SOLUTION
    n_bins = envelope.shape[1]
    if envelope.shape != aperiodicity.shape or not 1 <= n_bands <= n_bins:
        raise ValueError(f"shapes are {envelope.shape} and {aperiodicity.shape}, with {n_bands} bands")
    middles = np.round((np.arange(n_bands) + 0.5) / n_bands * (n_bins - 1)).astype(int)
    return np.hstack([world.mel_cepstrum(envelope, order, alpha), aperiodicity[:, middles]])
    ### END SOLUTION


# %% [markdown] hints="voice_parameters"
# 1. Two blocks side by side. The first is one call of a part of the WORLD lab.
# 2. An array of bin numbers picks columns: `aperiodicity[:, middles]`.
# 3. `middles = np.round((np.arange(n_bands) + 0.5) / n_bands * (n_bins - 1)).astype(int)`, then `np.hstack`.

# %% [markdown]
# **The voice of this page is synthetic**: sentences by eSpeak NG's voice *Annie*, of which the time of each phone
# is known exactly. A few minutes are enough for a start. Sentences with the sounds of digits are taken first.

# %%
RATE, HOP, N_FFT, ALPHA_MEL = (
    22_050,
    110,
    1024,
    0.455,
)  # Hz, samples (5 ms), samples, bend of the mel-cepstrum
N_SENTENCES = 20 if fast_mode() else 80
digit_labels = set(phones_of([word for digit in DIGITS for word in (digit, ",")][:-1]))


def covering(clips: list, wanted: set, count: int) -> list:
    """Clips that have the wanted phones, as many of them as possible with each clip, up to a number of clips."""
    chosen, rest, missing = [], list(clips), set(wanted)
    while rest and len(chosen) < count:
        best = max(rest, key=lambda clip: len(missing & {phone for phone, _, _ in clip.phonemes}))
        rest.remove(best)
        chosen.append(best)
        missing -= {phone for phone, _, _ in best.phonemes}
    return chosen


corpus = corpora.synth_ljs(150)
recorded = covering([clip for clip in corpus if clip.split == "train"], digit_labels, N_SENTENCES)
utterances = []
for clip in progress(recorded, "analysing"):
    samples = clip.samples.astype(np.float64)
    f0 = world.yin(samples, RATE, HOP)
    tables = [part(samples, f0, RATE, HOP, N_FFT) for part in (world.spectral_envelope, world.aperiodicity)]
    # phones as (label, first frame, frame behind the last)
    spans = [
        (label, round(start * RATE / HOP), round(end * RATE / HOP)) for label, start, end in clip.phonemes
    ]
    utterances.append({"f0": f0, "static": voice_parameters(*tables), "spans": spans})
minutes = sum(clip.duration for clip in recorded) / 60
print(f"{corpus.name}: {len(recorded)} sentences of a synthetic voice, {minutes:.1f} minutes")

# %% [markdown]
# ## Part 7: where it is, and where it goes
#
# Take the mean of each state and play it back: the voice stands still, jumps to the next state, stands still. The
# cure of Keiichi Tokuda's group: model not only where each parameter *is*, but also how fast it changes. You had
# such deltas in the mel lab. Here they have the windows of HTS: the slope is $\tfrac12 (x_{t+1} - x_{t-1})$, the
# bend $x_{t+1} - 2x_t + x_{t-1}$.
#
# **A number first.** 1, 3, 3: slopes 1, 1, 0, bends 2, −2, 0. At the edges the first and the last frame are
# repeated.


# %%
WINDOWS = np.array([[0.0, 1.0, 0.0], [-0.5, 0.0, 0.5], [1.0, -2.0, 1.0]])  # static, delta, delta-delta


# %% part="append_deltas" points=2 difficulty=1 minutes=8
def append_deltas(static: Float[np.ndarray, "frames dim"]) -> Float[np.ndarray, "frames 3*dim"]:
    """Parameters, their slopes and their bends, by the three rows of `WINDOWS`.

    Row k of WINDOWS weighs the frame before, the frame itself and the frame behind. Before the first frame the first
    is repeated, behind the last the last.

    Args:
        static: parameters of each frame.
    Returns:
        Static parameters, deltas, delta-deltas, side by side.
    Raises:
        ValueError: if `static` is not a matrix, or has no frames.
    Source: Zen et al. 2007, section 2.2; the windows are those of HTS.
    Example:
        >>> append_deltas(np.array([[1.0], [3.0], [3.0]])).tolist()
        [[1.0, 1.0, 2.0], [3.0, 1.0, -2.0], [3.0, 0.0, 0.0]]
    """
    ### BEGIN SOLUTION
    if static.ndim != 2 or len(static) == 0:
        raise ValueError(f"static has shape {static.shape}, expected a matrix with at least one frame")
    padded = np.pad(static, ((1, 1), (0, 0)), mode="edge")
    around = np.stack([padded[:-2], padded[1:-1], padded[2:]])
    return np.hstack(list(np.tensordot(WINDOWS, around, axes=1)))
    ### END SOLUTION


# %% [markdown] hints="append_deltas"
# 1. One frame more at each end, then three shifted views of the whole matrix.
# 2. `np.pad(static, ((1, 1), (0, 0)), mode="edge")` repeats the borders. Rows `[:-2]`, `[1:-1]` and `[2:]` are
#    the frame before, the frame, the frame behind.
# 3. For each row (a, b, c) of WINDOWS: `a * before + b * here + c * behind`. Put the three results side by side.

# %% [markdown]
# Each phone gets a left-to-right model of five states with one Gaussian each, by your `train_model` of the lab on
# connected words: Baum-Welch from the known times. First all 90 numbers are scaled to the same spread, so that
# one floor for the variances fits all; afterwards the scaling is undone.

# %%
N_STATES = 5  # of each phone
for utterance in utterances:
    utterance["observed"] = append_deltas(utterance["static"])
every_frame = np.concatenate([utterance["observed"] for utterance in utterances])
centre, spread = every_frame.mean(axis=0), every_frame.std(axis=0)


def train_phones(relabel=lambda labels: labels) -> dict:
    """A model of each phone from its stretches of all recordings, in scaled parameters."""
    stretches = {}
    for utterance in utterances:
        labels = relabel([label for label, _, _ in utterance["spans"]])
        for label, (_, start, end) in zip(labels, utterance["spans"], strict=True):
            scaled = (utterance["observed"][start:end] - centre) / spread
            stretches.setdefault(label, []).append(scaled)
    found = {}
    for label, own in progress(stretches.items(), "training", len(stretches)):
        if any(len(stretch) >= N_STATES for stretch in own):
            found[label], _ = connected.train_model(own, N_STATES, 1, 1 if fast_mode() else 2, 0.01)
    return found


scaled_models = train_phones()
print(f"{len(scaled_models)} phones, {N_STATES} states each, 2 × {len(centre)} numbers a state")

# %% [markdown]
# ## Part 8: how long was each state?
#
# The model of a sentence is the models of its phones, one after the other, by your `mixtures.join_words`. Your
# `hmm.viterbi` runs through it and tells for each frame the state. Count them, and you know how long each state
# lasted.
#
# **A number first.** The path 0 0 0 1 2 2 through three states: 3, 1 and 2 frames. Together they are the 6 frames
# of the path.
#
# A path that skips a state, or does not reach the last one, has gone wrong somewhere. Better to stop than to
# learn from it.


# %% part="state_durations" points=2 difficulty=1 minutes=8
def state_durations(path: Int[np.ndarray, "frames"], n_states: int) -> Int[np.ndarray, "states"]:
    """How many frames a path through a left-to-right model spends in each state.

    Args:
        path: state of each frame, from `hmm.viterbi`.
        n_states: of the model.
    Returns:
        Number of frames in each of the states 0 … n_states - 1.
    Raises:
        ValueError: if the path has a state that the model lacks, goes back or jumps over a state, or does not begin in
            state 0 and end in the last one.
    Source: Yoshimura et al. 1998, section 3.
    Example:
        >>> state_durations(np.array([0, 0, 0, 1, 2, 2]), 3).tolist()
        [3, 1, 2]
    """
    ### BEGIN SOLUTION
    steps = np.diff(path)
    if len(path) == 0 or path[0] != 0 or path[-1] != n_states - 1 or np.any((steps != 0) & (steps != 1)):
        raise ValueError(f"the path is no way through all {n_states} states in their order")
    return np.bincount(path, minlength=n_states)
    ### END SOLUTION


# %% [markdown] hints="state_durations"
# 1. Counting how often each number occurs in an array is one call. The checks are the larger half.
# 2. `np.diff(path)` of a good path holds only 0 and 1. It must begin with 0 and end with n_states − 1.
# 3. `np.bincount(path, minlength=n_states)` counts.


# %%
def align(models: dict, relabel=lambda labels: labels) -> tuple[dict, list, list]:
    """Durations of each phone's states, and for each utterance f0 and states (numbered through all models)."""
    durations, tracks, paths = {label: [] for label in models}, [], []
    first = {label: N_STATES * number for number, label in enumerate(models)}
    for utterance in progress(utterances, "aligning"):
        labels = relabel([label for label, _, _ in utterance["spans"]])
        if not set(labels) <= set(models):
            continue  # a phone that was always too short for five states
        inside = slice(utterance["spans"][0][1], utterance["spans"][-1][2])
        scaled = (utterance["observed"][inside] - centre) / spread
        joined = mixtures.join_words([models[label] for label in labels])
        log_obs = mixtures.gmm_log_obs(scaled, joined["weights"], joined["means"], joined["variances"])
        log_obs[-1, :-1] = -np.inf  # the path must end in the last state
        path, _ = hmm.viterbi(joined["initial"], joined["transition"], log_obs)
        lasted = state_durations(path, len(joined["initial"]))
        for label, own in zip(labels, lasted.reshape(-1, N_STATES), strict=True):
            durations[label].append(own)
        numbers = np.concatenate([first[label] + np.arange(N_STATES) for label in labels])
        tracks.append(utterance["f0"][inside])
        paths.append(numbers[path])
    return durations, tracks, paths


durations, tracks, paths = align(scaled_models)
vowel = max((label for label in durations if "ˈ" in label), key=lambda label: len(durations[label]))
print(f"frames in the states of {vowel!r}, five times:", *(own.tolist() for own in durations[vowel][:5]))

# %% [markdown]
# ## Part 9: a model of durations
#
# The transitions of a Markov model say how long a state lasts, too, but badly: the most probable length is always
# *one* frame, whatever the probability of staying. Recordings show a hill, not a slide. So give each state a
# Gaussian for its length.
#
# **A number first.** A state lasted 2 and 4 frames: mean 3, variance 1. Another lasted 5 both times: its variance
# would be 0, and the floor, say 0.5, takes its place.


# %% part="duration_model" points=2 difficulty=1 minutes=8
def duration_model(
    durations: list[Int[np.ndarray, "states"]], floor: float
) -> dict[str, Float[np.ndarray, "states"]]:
    """Mean and variance of the time in each state of one phone.

    Args:
        durations: frames in each state, one array for each time the phone was said.
        floor: no variance is lower, in squared frames.
    Returns:
        "means" and "variances" (mean squares of the distances from the mean).
    Raises:
        ValueError: if there are no durations.
    Source: Yoshimura et al. 1998, section 3: a Gaussian for the duration of each state.
    Example:
        >>> model = duration_model([np.array([2, 5]), np.array([4, 5])], floor=0.5)
        >>> model["means"].tolist(), model["variances"].tolist()
        ([3.0, 5.0], [1.0, 0.5])
    """
    ### BEGIN SOLUTION
    if len(durations) == 0:
        raise ValueError("there are no durations to learn from")
    frames = np.array(durations, dtype=np.float64)
    return {"means": frames.mean(axis=0), "variances": np.maximum(frames.var(axis=0), floor)}
    ### END SOLUTION


# %% [markdown] hints="duration_model"
# 1. Make one matrix: a row for each time that the phone was said, a column for each state.
# 2. Means and variances run over the rows: `axis=0`.
# 3. `np.maximum(frames.var(axis=0), floor)`; numpy's `var` divides by the number of rows, as asked.

# %%
counts = np.bincount(np.concatenate([own[2:3] for own in durations[vowel]]), minlength=16)[:25]
lengths = np.arange(len(counts))
shown = duration_model(durations[vowel], 1.0)
mean, variance = shown["means"][2], shown["variances"][2]
bell = np.exp(-((lengths - mean) ** 2) / (2 * variance)) / np.sqrt(2 * np.pi * variance)
slide = np.where(lengths > 0, (1 / mean) * (1 - 1 / mean) ** np.maximum(lengths - 1, 0), 0)
plot.lines(
    {"recordings": counts / counts.sum(), "Gaussian": bell, "a Markov chain with the same mean": slide},
    x_label="frames in the middle state",
    y_label="share",
    title=f"How long the middle of {vowel!r} lasts",
)

# %% [markdown]
# ## Part 10: choose durations
#
# To speak, a length must be chosen for each state. At normal speed: the mean. For a slower sentence, who gets the
# extra frames? The states that vary most in recordings, because there it is least unusual. The most probable
# lengths with a given total are
#
# $$d_k = m_k + \rho\, v_k , \qquad \rho = \frac{T - \sum m_k}{\sum v_k} .$$
#
# **A number first.** A vowel state with mean 10 and variance 6, a burst with mean 2 and variance 0.5. For 13
# frames more: $\rho = 13 / 6.5 = 2$: 22 and 3 frames. The burst stays a burst.
#
# Frames are whole. Three states of 2.4 frames, rounded one by one, make 6 instead of 7. So round the *ends*: they
# should be at 2.4, 4.8 and 7.2, so they are at 2, 5 and 7, and the lengths are 2, 3, 2.


# %% part="choose_durations" points=4 difficulty=3 minutes=15
def choose_durations(
    means: Float[np.ndarray, "states"], variances: Float[np.ndarray, "states"], rho: float = 0.0
) -> Int[np.ndarray, "states"]:
    """How many frames each state of a sentence lasts.

    A state should last means + rho * variances frames, and at least 1. A state ends at the frame nearest to where it
    should end if none had been rounded: floor(sum of all durations so far, unrounded, + 0.5).

    Args:
        means: of the durations, in frames.
        variances: in squared frames.
        rho: faster below 0, slower above.
    Returns:
        Whole numbers of frames, each at least 1.
    Raises:
        ValueError: if the lengths differ, there are no states, or a variance is negative.
    Source: Yoshimura et al. 1998, Duration modeling for HMM-based speech synthesis, equations 3 to 5.
    Example:
        >>> choose_durations(np.array([2.4, 2.4, 2.4]), np.zeros(3)).tolist()
        [2, 3, 2]
    """
    ### BEGIN SOLUTION
    if len(means) == 0 or len(means) != len(variances) or np.any(variances < 0):
        raise ValueError(
            f"{len(means)} means and {len(variances)} variances, expected as many, none negative"
        )
    wanted = np.maximum(means + rho * variances, 1.0)
    ends = np.floor(np.cumsum(wanted) + 0.5).astype(np.int64)
    return np.diff(ends, prepend=0)
    ### END SOLUTION


# %% [markdown] hints="choose_durations"
# 1. First all wanted lengths as fractions, each at least 1; then all ends; then round the ends; then lengths
#    again.
# 2. Ends of lengths are `np.cumsum`, lengths of ends are `np.diff`. Which rounding takes halves up?
# 3. `np.floor(np.cumsum(wanted) + 0.5).astype(np.int64)`, then `np.diff(ends, prepend=0)`.

# %%
means = np.concatenate([duration_model(durations[x], 1.0)["means"] for x in ("sil", "n", vowel, "n")])
spreads = np.concatenate([duration_model(durations[x], 1.0)["variances"] for x in ("sil", "n", vowel, "n")])
chosen = {}
for speed in (0.7, 1.0, 1.5):
    rho = (means.sum() / speed - means.sum()) / spreads.sum()
    chosen[f"speed {speed:g}, {choose_durations(means, spreads, rho).sum()} frames"] = choose_durations(
        means, spreads, rho
    )
plot.lines(
    chosen, x_label="state", y_label="frames", title=f"A pause, n, {vowel}, n: who gives and who takes"
)

# %% [markdown]
# ## Part 11: the smoothest track that fits
#
# Here is the heart of HTS. For each frame you have Gaussians: of the parameter, of its slope, of its bend. Which
# *track* $c_1 \dots c_T$ is the most probable, if slopes and bends are those *of the track itself*?
#
# **A number first.** Two frames with mean 0, two with mean 4, slopes and bends with mean 0, all variances 1.
# Without the slopes the answer is 0, 0, 4, 4: a jump. But a jump of 4 means slopes of 2 and bends of ±4, which
# are improbable. The best compromise is 0.72, 1.38, 2.62, 3.28.
#
# Write $W$ for the matrix that makes parameters, slopes and bends of a track (`append_deltas` as a matrix,
# $3T \times T$), $m$ for the means, $U$ for the variances. To minimise $(Wc - m)^\top U^{-1} (Wc - m)$, set its
# derivative to zero:
#
# $$(W^\top U^{-1} W)\, c = W^\top U^{-1} m .$$
#
# A sentence has a thousand frames, so that is a thousand equations for each parameter. But slopes reach one frame
# to each side, so the matrix is zero farther than two places from its diagonal. Three numbers a row are enough
# (it is symmetric), and `scipy.linalg.solveh_banded` solves it in a millisecond.
#
# The band is filled frame by frame: frame $t$ of a window with weights $(a, b, c)$ and precision
# $p = 1/\text{variance}$ adds $p\,a\,a,\ p\,a\,b,\ p\,b\,b, \dots$ at the crossings of rows and columns
# $t-1, t, t+1$, and $p\,a\,m,\ p\,b\,m,\ p\,c\,m$ to the right-hand side.


# %% part="generate_parameters" points=7 difficulty=5 minutes=35
def generate_parameters(
    means: Float[np.ndarray, "frames 3*dim"], variances: Float[np.ndarray, "frames 3*dim"]
) -> Float[np.ndarray, "frames dim"]:
    """The most probable parameters, given Gaussians for them, for their deltas and for their delta-deltas.

    Args:
        means: of the static parameters, the deltas and the delta-deltas of each frame, as `append_deltas` puts them.
        variances: of the same, positive.
    Returns:
        The static parameters c for which `append_deltas(c)` is most probable: for each dimension the solution of
        (Wᵀ U⁻¹ W) c = Wᵀ U⁻¹ m, where W c are that dimension's static parameters, deltas and delta-deltas, m the
        means of these, and U has the variances on its diagonal.
    Raises:
        ValueError: if the two shapes differ, the number of columns is no multiple of 3, there are no frames, or a
            variance is not positive.
    Source: Tokuda, Yoshimura, Masuko, Kobayashi & Kitamura 2000, Speech parameter generation algorithms for HMM-based
        speech synthesis, section 3, case 1, equation 9.
    Example:
        >>> means = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [4.0, 0.0, 0.0], [4.0, 0.0, 0.0]])
        >>> generate_parameters(means, np.ones((4, 3))).round(2)[:, 0].tolist()
        [0.72, 1.38, 2.62, 3.28]
    """
    ### BEGIN SOLUTION
    n_frames, width = means.shape
    if means.shape != variances.shape or width % 3 or n_frames == 0 or np.any(variances <= 0):
        raise ValueError(f"shapes are {means.shape} and {variances.shape}; variances must be positive")
    dim = width // 3
    # band[d, j] is the entry of row j + d, column j. Weights that fall outside go to a column more at each end.
    band, right = np.zeros((3, n_frames + 2, dim)), np.zeros((n_frames + 2, dim))
    for k, window in enumerate(WINDOWS):
        rows = np.tile(window, (n_frames, 1))  # weights of the frame before, the frame, the frame behind
        rows[0, 1] += rows[0, 0]
        rows[-1, 1] += rows[-1, 2]
        own = slice(k * dim, (k + 1) * dim)
        precision = 1 / variances[:, own]
        for a in range(3):
            right[a : a + n_frames] += rows[:, [a]] * precision * means[:, own]
            for b in range(a, 3):
                band[b - a, a : a + n_frames] += rows[:, [a]] * rows[:, [b]] * precision
    band, right = band[:, 1:-1], right[1:-1]
    solved = [scipy.linalg.solveh_banded(band[..., i], right[:, i], lower=True) for i in range(dim)]
    return np.stack(solved, axis=1)
    ### END SOLUTION


# %% [markdown] hints="generate_parameters"
# 1. First do it with full matrices for one dimension and compare with the example. Then find out which entries of
#    $W^\top U^{-1} W$ are not zero, and add up only those.
# 2. Lower form of `solveh_banded(band, right, lower=True)`: `band[d, j]` is the entry in row j + d, column j, for
#    d = 0, 1, 2. A weight number a (0, 1, 2 for the frame before, itself, behind) of frame t belongs to column
#    $t + a - 1$. With one column more at each end no index falls outside; cut them off before solving.
# 3. For each window: a table with the window in every row, first and last row folded: there the weight of the
#    missing frame is added to that of the frame itself. Then for a in 0..2, b in a..2:
#    `band[b - a, a : a + n_frames] += rows[:, [a]] * rows[:, [b]] * precision`.

# %%
steps = {label: scaled_models[label]["means"][:, 0] * spread + centre for label in ("n", vowel)}
widths = {label: scaled_models[label]["variances"][:, 0] * spread**2 for label in ("n", vowel)}
order_of_states = np.repeat(np.arange(15), 6)
joined_means = np.concatenate([steps[x] for x in ("n", vowel, "n")])[order_of_states]
joined_variances = np.concatenate([widths[x] for x in ("n", vowel, "n")])[order_of_states]
with_deltas = generate_parameters(joined_means, joined_variances)
plot.lines(
    {"means of the states": joined_means[:, 1], "generated with deltas": with_deltas[:, 1]},
    x_label="frame",
    y_label="mel-cepstral coefficient 1",
    title=f"n {vowel} n: steps, and the most probable track",
)

# %% [markdown]
# The track rounds off the steps, and it dips or rises where the recordings did so at that place: that is what the
# slopes remember.
#
# ## Part 12: too smooth
#
# Means are calm. The track above has no tremble, no sharp peak: every recording of that vowel was averaged into
# it. Spectra become flat, and the voice sounds as if through a wall. The remedy is blunt. Measure how much each
# coefficient varies over a *recorded* utterance, the **global variance**, and stretch what was generated until it
# varies as much.
#
# **A number first.** A track 1, 3 has mean 2 and variance 1. Recordings have variance 4, twice the deviation. The
# track becomes 0, 4: still around 2.
#
# A weight between 0 and 1 does it in part: the deviation becomes $\sigma^{1-w} \cdot \sigma_\text{recorded}^{w}$.


# %% part="restore_variance" points=3 difficulty=2 minutes=12
def restore_variance(
    generated: Float[np.ndarray, "frames dim"], global_variance: Float[np.ndarray, "dim"], weight: float = 1.0
) -> Float[np.ndarray, "frames dim"]:
    """Parameters as lively as recorded ones: scaled around their mean over the utterance.

    Args:
        generated: parameters, as `generate_parameters` makes them.
        global_variance: what the variance over an utterance of each dimension is in recordings.
        weight: 0 changes nothing, 1 gives each dimension its global variance; in between, the standard deviation is
            (its own)^(1 - weight) · (the recordings')^weight.
    Returns:
        Each dimension with its mean unchanged; one that does not vary at all stays as it is.
    Raises:
        ValueError: if there is not one global variance for each dimension, or one is negative.
    Source: Toda & Tokuda 2007, A speech parameter generation algorithm considering global variance, section 3.4;
        Silén, Helander, Nurminen & Gabbouj 2012.
    Example:
        >>> restore_variance(np.array([[1.0], [3.0]]), np.array([4.0])).tolist()
        [[0.0], [4.0]]
    """
    ### BEGIN SOLUTION
    if global_variance.shape != generated.shape[1:] or np.any(global_variance < 0):
        raise ValueError(f"generated has shape {generated.shape}, global_variance {global_variance.shape}")
    mean, variance = generated.mean(axis=0), generated.var(axis=0)
    ratio = np.divide(global_variance, variance, out=np.ones_like(variance), where=variance > 0)
    return mean + (generated - mean) * ratio ** (weight / 2)
    ### END SOLUTION


# %% [markdown] hints="restore_variance"
# 1. Subtract the mean of each dimension, multiply by a factor, add the mean again. Which factor gives the wanted
#    deviation?
# 2. Full weight: the root of (global variance / own variance). Weight w: that to the power of w.
# 3. `ratio ** (weight / 2)`, with `np.divide(..., out=np.ones_like(variance), where=variance > 0)` so that a
#    dimension without any variance stays.

# %%
global_variance = np.mean(
    [utterance["static"][:, 1:-N_BANDS].var(axis=0) for utterance in utterances], axis=0
)
print("global variance of coefficients 1 to 4:", global_variance[:4].round(3))

# %% [markdown]
# ## Part 13: pitch, where there is any
#
# A state also needs a pitch. But pitch is a mixture of two things: *is* there a voice, and *how high* is it? The
# share of voiced frames answers the first. For the second, count only voiced frames, in the logarithm, with
# deltas like everything else.
#
# One trap: at the border of a gap a delta would be computed from a pitch of 0. So make the pitch **continuous**
# first: straight lines of ln f0 across gaps. They serve the deltas only; the frames in gaps are not counted.
#
# **A number first.** f0 is 100, 0, 400, 0 Hz, the first three frames in state 0. Two of three are voiced: 0.667.
# The mean of the logarithms is that of 200 Hz.


# %% part="state_pitch" points=4 difficulty=3 minutes=18
def state_pitch(
    f0: list[Float[np.ndarray, "frames"]],
    paths: list[Int[np.ndarray, "frames"]],
    n_states: int,
    floor: float = 1e-4,
) -> dict[str, Float[np.ndarray, "..."]]:
    """What each state knows of pitch: how often it is voiced, and Gaussians for ln f0 and its deltas.

    The pitch of an utterance is made continuous first: ln f0 of the voiced frames, straight lines across unvoiced
    ones, the nearest voiced value before the first and behind the last. `append_deltas` of that, then only voiced
    frames count for means and variances.

    Args:
        f0: of each utterance, in Hz, 0 where unvoiced.
        paths: for each utterance the state of each frame; states of all models are numbered through.
        n_states: of all models together.
        floor: no variance is lower.
    Returns:
        "voiced" [states]: share of a state's frames that are voiced, 0 for a state without frames; "means" and
        "variances" [states, 3]: of ln f0, delta and delta-delta over its voiced frames; a state without any has those
        of all voiced frames together.
    Raises:
        ValueError: if an utterance and its path differ in length, or no frame is voiced in any utterance.
    Source: Yu & Young 2011, Continuous F0 modeling for HMM based statistical parametric speech synthesis; the share of
        voiced frames is the weight of multi-space distributions (Tokuda et al. 1999).
    Example:
        >>> model = state_pitch([np.array([100.0, 0.0, 100.0, 100.0])], [np.array([0, 0, 0, 1])], 2)
        >>> model["voiced"].round(3).tolist(), np.exp(model["means"][:, 0]).round(3).tolist()
        ([0.667, 1.0], [100.0, 100.0])
    """
    ### BEGIN SOLUTION
    if [len(track) for track in f0] != [len(path) for path in paths] or not any(np.any(t > 0) for t in f0):
        raise ValueError("expected a state for each frame, and a voiced frame in at least one utterance")
    rows, states, voiced = [], np.concatenate(paths), np.concatenate(f0) > 0
    for track in f0:
        own = np.flatnonzero(track > 0)
        line = np.interp(np.arange(len(track)), own, np.log(track[own])) if len(own) else np.zeros(len(track))
        rows.append(append_deltas(line[:, None]))
    rows = np.concatenate(rows)
    means = np.tile(rows[voiced].mean(axis=0), (n_states, 1))
    variances = np.tile(rows[voiced].var(axis=0), (n_states, 1))
    shares = np.zeros(n_states)
    for state in np.unique(states):
        shares[state] = voiced[states == state].mean()
        own = rows[voiced & (states == state)]
        if len(own):
            means[state], variances[state] = own.mean(axis=0), own.var(axis=0)
    return {"voiced": shares, "means": means, "variances": np.maximum(variances, floor)}
    ### END SOLUTION


# %% [markdown] hints="state_pitch"
# 1. Three steps: a continuous logarithm of each utterance with its deltas; everything end to end; then a loop
#    over states.
# 2. `own = np.flatnonzero(track > 0)` and `np.interp(np.arange(len(track)), own, np.log(track[own]))` draws the
#    lines and holds the ends. An utterance without any voice counts for no mean: any line will do.
# 3. Start with the statistics of all voiced frames for every state (`np.tile`), then overwrite those of states
#    that have voiced frames of their own. At the end `np.maximum(variances, floor)`.

# %% [markdown]
# Now the voice is complete. It is a dictionary.


# %%
def finish_voice(models: dict, durations: dict, tracks: list, paths: list) -> dict:
    """The voice as plain data: what `speak_states` reads."""
    pitch = state_pitch(tracks, paths, N_STATES * len(models))
    phones = {}
    for number, (label, own) in enumerate(models.items()):
        states = slice(N_STATES * number, N_STATES * (number + 1))
        if not durations[label]:
            continue
        lasts = duration_model(durations[label], 1.0)
        phones[label] = {
            "means": own["means"] * spread + centre,
            "variances": own["variances"] * spread**2,
            "duration_means": lasts["means"],
            "duration_variances": lasts["variances"],
            "f0_means": pitch["means"][states],
            "f0_variances": pitch["variances"][states],
            "f0_voiced": pitch["voiced"][states],
        }
    return {"phones": phones, "n_fft": N_FFT, "alpha": ALPHA_MEL, "global_variance": global_variance}


voice = finish_voice(scaled_models, durations, tracks, paths)
share = {label: float(own["f0_voiced"].mean()) for label, own in voice["phones"].items()}
plot.bars(
    {label: 100 * share[label] for label in ("sil", "s", "t", "z", "v", "n", vowel) if label in share},
    y_label="voiced frames [%]",
    title="What the states learnt about voicing",
)

# %% [markdown]
# ## Part 14: a sentence of states
#
# A sentence needs the states of all its phones in a row. And a practical matter: `ˌoʊ` may not occur in so few
# recordings, although `ˈoʊ` does. Then the phone with other marks stands in. Better a wrong stress than silence.
#
# **A number first.** Models of `s` (two states) and of `ˈiː` (one). The sentence `s i s` has $2 + 1 + 2 = 5$
# states: `i` without marks is `i`, and so is `ˈiː`.


# %% part="join_phones" points=3 difficulty=2 minutes=15
def join_phones(
    phones: dict[str, dict[str, Float[np.ndarray, "..."]]], labels: list[str]
) -> dict[str, Float[np.ndarray, "..."]]:
    """The states of a sentence: those of its phones, one after the other.

    Args:
        phones: models; a model is a dict of arrays, each with the state as its first axis ("means",
            "duration_means", "f0_voiced", …); all have the same keys.
        labels: of the sentence. A label without a model takes that of the same symbols with other stress and length
            marks (ˈ ˌ ː left out on both sides); if there are several, the first in the order of `phones`.
    Returns:
        For each key the arrays of all labels, one after the other.
    Raises:
        ValueError: if there are no labels, or nothing stands for one; the message names it.
    Source: Tokuda et al. 2013, Speech synthesis based on hidden Markov models, section II: a sentence model.
    Example:
        >>> phones = {"s": {"means": np.array([1.0, 2.0])}, "ˈiː": {"means": np.array([7.0])}}
        >>> join_phones(phones, ["s", "i", "s"])["means"].tolist()
        [1.0, 2.0, 7.0, 1.0, 2.0]
    """
    ### BEGIN SOLUTION
    if not labels:
        raise ValueError("there are no labels")

    def bare(label):
        return label.replace("ˈ", "").replace("ˌ", "").replace("ː", "")

    models = []
    for label in labels:
        alike = [other for other in phones if bare(other) == bare(label)]
        if not alike:
            raise ValueError(f"there is no model that could stand for {label!r}")
        models.append(phones[label if label in phones else alike[0]])
    return {key: np.concatenate([model[key] for model in models]) for key in models[0]}
    ### END SOLUTION


# %% [markdown] hints="join_phones"
# 1. For each label find the model to use; only then join.
# 2. Remove ˈ, ˌ and ː from the label and from the names of the phones, and compare. The label's own model comes
#    first.
# 3. `{key: np.concatenate([model[key] for model in models]) for key in models[0]}`.

# %% [markdown]
# ## Part 15: speak
#
# All parts in one line of thought: states, durations, means and variances for every frame, tracks, livelier
# tracks, envelopes, pitch, breath. What comes out are WORLD's three tables, and `world.world_synthesize` makes
# sound of them.
#
# **A number first.** One phone of one state that lasts 4 frames on average. At speed 2 the sentence should last 2
# frames. $\rho = (4/2 - 4) / 1 = -2$, and $4 - 2 \cdot 1 = 2$.


# %% part="speak_states" points=6 difficulty=4 minutes=25 forbids="pyworld"
def speak_states(
    model: dict, labels: list[str], speed: float = 1.0, liveliness: float = 1.0
) -> dict[str, np.ndarray]:
    """WORLD's three tables of a sentence, written by a statistical voice.

    1. `join_phones`. With M the sum of all "duration_means" and V that of all "duration_variances":
       `choose_durations` with rho = (M / speed - M) / V.
    2. Each state's row of "means" (of its only Gaussian, component 0) and "variances" as often as it lasts;
       `generate_parameters`. The last N_BANDS parameters are aperiodicities, those before are mel-cepstra.
    3. Mel-cepstra but coefficient 0 (loudness): `restore_variance` with "global_variance" and `liveliness`.
    4. `world.envelope_from_mel_cepstrum` with n_fft // 2 + 1 bins and "alpha".
    5. f0: exp of `generate_parameters` of "f0_means" and "f0_variances", 0 in frames of states whose "f0_voiced" is
       not above 0.5.
    6. Aperiodicity: straight lines (`np.interp`) over the bins between the bands' middles, (b + 0.5) / n * (bins - 1),
       held between 0 and 1; 1 in all of an unvoiced frame.

    Args:
        model: "phones" (models as `join_phones` takes them), "n_fft", "alpha", "global_variance" (of the mel-cepstra
            without coefficient 0).
        labels: of the sentence.
        speed: 2 asks for half the time.
        liveliness: weight of the global variance.
    Returns:
        "f0" [frames], "envelope" and "aperiodicity" [frames, bins], "durations" [states].
    Raises:
        ValueError: if the speed is not positive, or a part above refuses.
    Source: Tokuda et al. 2013, section III; the rho of a wanted length: Yoshimura et al. 1998, equation 4.
    Example:
        >>> phone = {"means": np.zeros((1, 1, 18)), "variances": np.ones((1, 1, 18)), "duration_means": np.array([4.0])}
        >>> phone |= {"duration_variances": np.ones(1), "f0_voiced": np.ones(1)}
        >>> phone |= {"f0_means": np.array([[np.log(100), 0.0, 0.0]]), "f0_variances": np.ones((1, 3))}
        >>> model = {"phones": {"a": phone}, "n_fft": 8, "alpha": 0.4, "global_variance": np.ones(0)}
        >>> tables = speak_states(model, ["a"], speed=2.0)
        >>> tables["durations"].tolist(), tables["f0"].round(2).tolist(), tables["envelope"].shape
        ([2], [100.0, 100.0], (2, 5))
    """
    ### BEGIN SOLUTION
    if speed <= 0:
        raise ValueError(f"speed is {speed}, expected more than 0")
    joined = join_phones(model["phones"], labels)
    total = joined["duration_means"].sum()
    rho = (total / speed - total) / joined["duration_variances"].sum()
    durations = choose_durations(joined["duration_means"], joined["duration_variances"], rho)
    states = np.repeat(np.arange(len(durations)), durations)
    parameters = generate_parameters(joined["means"][states, 0], joined["variances"][states, 0])
    cepstra, bands = parameters[:, :-N_BANDS], parameters[:, -N_BANDS:]
    livelier = restore_variance(cepstra[:, 1:], model["global_variance"], liveliness)
    n_bins = model["n_fft"] // 2 + 1
    envelope = world.envelope_from_mel_cepstrum(np.hstack([cepstra[:, :1], livelier]), n_bins, model["alpha"])
    voiced = joined["f0_voiced"][states] > 0.5
    f0 = np.exp(generate_parameters(joined["f0_means"][states], joined["f0_variances"][states])[:, 0])
    middles = (np.arange(N_BANDS) + 0.5) / N_BANDS * (n_bins - 1)
    breath = np.array([np.interp(np.arange(n_bins), middles, np.clip(row, 0, 1)) for row in bands])
    breath[~voiced] = 1.0
    return {
        "f0": np.where(voiced, f0, 0.0),
        "envelope": envelope,
        "aperiodicity": breath,
        "durations": durations,
    }
    ### END SOLUTION


# %% [markdown] hints="speak_states"
# 1. Follow the six steps of the docstring; each is one to three lines. What connects states and frames is one
#    array: the state of every frame.
# 2. `states = np.repeat(np.arange(len(durations)), durations)`; then `joined["means"][states, 0]` are the rows
#    for all frames. Split the generated parameters at `-N_BANDS`.
# 3. `voiced = joined["f0_voiced"][states] > 0.5`; `np.where(voiced, np.exp(…[:, 0]), 0.0)`; one `np.interp` a
#    frame for the breath, clipped, and `breath[~voiced] = 1.0`.

# %% [markdown]
# ## Put it together: three voices
#
# The same text by all three.


# %%
def by_states(
    labels: list[str], speed: float = 1.0, liveliness: float = 0.5, of=None
) -> Float[np.ndarray, "time"]:
    """The voice of the hidden Markov models."""
    tables = speak_states(of or voice, labels, speed, liveliness)
    return world.world_synthesize(tables["f0"], tables["envelope"], tables["aperiodicity"], RATE, HOP)


inventory = selection.build_inventory(
    [{"samples": clip.samples, "phones": list(clip.phonemes)} for clip in recorded], RATE
)


def by_units(labels: list[str]) -> Float[np.ndarray, "time"]:
    """The voice of the recorded units, with durations and pitch of `plan_targets`."""
    targets = selection.plan_targets(labels, inventory)
    chosen = selection.select_units(targets, inventory)
    return selection.synthesize_units(chosen, inventory, targets["durations"], targets["f0"])


def loud(samples: Float[np.ndarray, "time"]) -> Float[np.ndarray, "time"]:
    """The largest sample at 0.9."""
    return 0.9 * samples / np.abs(samples).max()


SENTENCE = "Nobody ever said this: call 4 2, 7 7 9."
labels = phones_of(number_words(SENTENCE))
said = {
    "unit selection": loud(by_units(labels)),
    "formant rules": loud(scipy.signal.resample_poly(by_rules(labels), 441, 320)),
    "HMM and WORLD": loud(by_states(labels)),
}
print(SENTENCE)
play(said, RATE)
plot.spectrograms(said, RATE, title=SENTENCE)

# %% [markdown]
# Three characters. The **units** are recordings: clear sounds, and seams between them. The **rules** never
# stumble and never sound like a person. The **HMM** voice has no seams at all, and it mumbles a little: what you
# see as blurred stripes is the average of every recording of that phone.
#
# **Steps, smooth, lively.** The same sentence three times, and what happens to one coefficient:

# %%
joined = join_phones(voice["phones"], labels)
lasting = choose_durations(joined["duration_means"], joined["duration_variances"])
states = np.repeat(np.arange(len(lasting)), lasting)
stepped = joined["means"][states, 0][:, : 25 + N_BANDS]
smooth = generate_parameters(joined["means"][states, 0], joined["variances"][states, 0])
livelier = restore_variance(smooth[:, 1:25], global_variance)
tables = speak_states(voice, labels)
plain_steps = world.envelope_from_mel_cepstrum(stepped[:, :25], N_FFT // 2 + 1, ALPHA_MEL)
versions = {
    "steps (no deltas)": world.world_synthesize(tables["f0"], plain_steps, tables["aperiodicity"], RATE, HOP),
    "smooth": by_states(labels, liveliness=0.0),
    "variance restored": by_states(labels, liveliness=1.0),
}
play({name: loud(sound) for name, sound in versions.items()}, RATE)
part = slice(0, min(240, len(smooth)))
at = np.arange(len(smooth))[part] * HOP / RATE
plot.lines(
    {
        "steps (no deltas)": (at, stepped[part, 3]),
        "smooth": (at, smooth[part, 3]),
        "variance restored": (at, livelier[part, 2]),
    },
    x_label="time [s]",
    y_label="mel-cepstral coefficient 3",
    title="Steps, the most probable track, and the same with its variance restored",
)
deviations = {"recorded, and restored": np.sqrt(global_variance), "smooth": smooth[:, 1:25].std(axis=0)}
plot.lines(
    {name: (np.arange(1, 25), values) for name, values in deviations.items()},
    x_label="mel-cepstral coefficient",
    y_label="deviation over the utterance",
    title="Generated tracks vary less than recorded ones",
    log_y=True,
)

# %% [markdown]
# ## Practice: who is understood?
#
# A listener with open ears has heard what to expect by now. A machine has no such luck: let a recogniser of
# digits write down what it hears, and count its errors as in the lab on connected words. It listens to
#
# - **natural**: recordings of the digit corpus, test split, connected to strings: what the recogniser was made
#   for;
# - **source**: eSpeak's own voice saying the strings. Units and HMM voice learnt from it, so it is their ceiling;
# - the three voices, saying the same strings with a pause after each digit, as in the natural strings.
#
# The recogniser is small, made with your parts, and must know synthetic speech as well: half of its training
# strings are the digit corpus, half are eSpeak's *other* voices. Annie, whose sentences the voices learnt from,
# is left out. (Trained on people alone, it gets most words of eSpeak wrong, even those of the source. Try it.)
#
# **Target:** each of the three voices has at most 25 % of the words wrong, in the full run.

# %%
digits = corpora.digits()
strangers = [clip for clip in corpora.synth_digits() if clip.speaker != "annie" and clip.split == "train"]
listening_rate = digits.sample_rate
n_training, n_test = (60, 8) if fast_mode() else (300, 70)
TARGET = 0.25


def strings_of(clips: list, count: int, seed: int) -> list[dict]:
    """Strings of 2 to 5 digits by one speaker each, the speakers in turn, with pauses of 60 to 350 ms."""
    rng, strings = np.random.default_rng(seed), []
    speakers = sorted({str(clip.speaker) for clip in clips})
    by_speaker = {speaker: [clip for clip in clips if clip.speaker == speaker] for speaker in speakers}
    for number in range(count):
        own = by_speaker[speakers[number % len(speakers)]]
        picked = [own[k] for k in rng.choice(len(own), int(rng.integers(2, 6)), replace=False)]
        recordings = [digit_words.trim_silence(clip.samples, listening_rate) for clip in picked]
        pauses = [round(s * listening_rate) for s in rng.uniform(0.06, 0.35, len(picked) + 1)]
        samples, spans = connected.connect_words(recordings, pauses)
        strings.append({"samples": samples, "spans": spans, "words": [clip.text for clip in picked]})
    return strings


def train_listener(strings: list[dict]) -> tuple[dict, dict]:
    """Word models and the scale of their features; a third of the strings each without noise, at 20 and at 10 dB."""
    rng, raw = np.random.default_rng(2), []
    for number, string in enumerate(progress(strings, "features")):
        samples, snr_db = string["samples"], (None, 20.0, 10.0)[number % 3]
        if snr_db is not None:
            samples = connected.add_noise(samples, string["spans"], rng.normal(size=len(samples)), snr_db)
        raw.append(connected.string_features(samples, listening_rate))
    scale = digit_words.feature_scale(raw)
    stretches = {word: [] for word in [*digits.words, "sil"]}
    for string, features in zip(strings, raw, strict=True):
        scaled = (features - scale["mean"]) / scale["deviation"]
        words, pauses = connected.cut_words(scaled, string["spans"], listening_rate)
        for word, own in zip(string["words"], words, strict=True):
            stretches[word].append(own)
        stretches["sil"] += pauses
    size = (1, 1) if fast_mode() else (4, 2)  # Gaussians a state, rounds
    trained = {}
    for word, own in progress(stretches.items(), "training the listener", len(stretches)):
        trained[word], _ = connected.train_model(own, 3 if word == "sil" else 10, *size)
    return trained, scale


heard_before = [clip for clip in digits.split("train") if clip.speaker != "annie"]
listener, scale = train_listener(
    strings_of(heard_before, n_training, 0) + strings_of(strangers, n_training, 3)
)
any_digit = {
    "start": 0,
    "arcs": [(0, 0, word, word, np.log(11)) for word in digits.words],
    "finals": {"0": np.log(11)},
}
graph, columns = connected.decoding_graph(listener, connected.weigh_grammar(any_digit, 5.0, 20.0))


def heard(samples: Float[np.ndarray, "time"], rate: int) -> list[str]:
    """The words that the listener writes down."""
    divisor = np.gcd(rate, listening_rate)
    at_its_rate = scipy.signal.resample_poly(samples, listening_rate // divisor, rate // divisor)
    features = (connected.string_features(at_its_rate, listening_rate) - scale["mean"]) / scale["deviation"]
    return [word for word, _, _ in connected.decode_string(features, listener, graph, columns)]


def labels_of(words: list[str]) -> list[str]:
    """What the voices say for a string of digits: a pause after each."""
    return phones_of(number_words(", ".join(words)))


def row_of(name: str, texts: list[list[str]], sounds) -> dict:
    """A line of a table: what share of the words of (samples, rate) pairs was wrong, and how; "rate" is the share."""
    counts = [
        connected.count_word_errors(words, heard(*sound)) for words, sound in zip(texts, sounds, strict=True)
    ]
    kinds = ("substitutions", "deletions", "insertions")
    errors, words = (
        [sum(count[kind] for kind in kinds) for count in counts],
        [count["words"] for count in counts],
    )
    low, high = connected.error_rate_interval(errors, words)
    if sum(errors) == 0:  # every draw is the same: ask Wilson
        high = 1 - digit_words.accuracy_interval(sum(words), sum(words))[0]
    rates[name] = sum(errors) / sum(words)
    row = {"voice": name, "words": sum(words), "wrong": f"{rates[name]:.1%}"}
    return (
        row
        | {"95 % interval": f"{low:.1%} to {high:.1%}"}
        | {kind: sum(c[kind] for c in counts) for kind in kinds}
    )


rates = {}
print(f"the listener: {2 * n_training} training strings, half {digits.name}, half other voices of eSpeak NG")

# %% [markdown]
# **Two knobs first.** The HMM voice has a speed and a liveliness. As in the lab on connected words, knobs are
# turned on *other* strings than those of the test: here random digits.

# %%
rng = np.random.default_rng(4)
other_texts = [
    rng.choice(digits.words, int(rng.integers(2, 6))).tolist() for _ in range(6 if fast_mode() else 30)
]
other_labels = [labels_of(words) for words in other_texts]
rows, knobs = [], {}
for speed in (1.0, 0.75):
    for liveliness in (0.0, 1.0) if fast_mode() else (0.0, 0.5, 1.0):
        name = f"speed {speed:g}, liveliness {liveliness:g}"
        sounds = ((by_states(own, speed, liveliness), RATE) for own in other_labels)
        rows.append(row_of(name, other_texts, sounds))
        knobs[name] = (speed, liveliness)
table(rows, title="HMM and WORLD, two knobs, strings that are used for nothing else")
best_knobs = knobs[min(knobs, key=rates.get)]
print(f"chosen: speed {best_knobs[0]:g}, liveliness {best_knobs[1]:g}")

# %% [markdown]
# Slower helps: the recorded sentences were said in a flow, and the means of their durations are too short for a
# list of digits. Restored variance does *not* help this listener. It was invented for the ears of people, to whom
# the smooth voice sounds muffled, and it stretches what is wrong as well as what is right.
#
# **Now the test**, once.

# %%
tests = strings_of(list(digits.split("test")), n_test, 9)
texts = [string["words"] for string in tests]
spoken_labels = [labels_of(words) for words in texts]
jobs = [{"text": ", ".join(words), "voice": "en-us+Annie", "rate": 160, "pitch": 50} for words in texts]
source = ((samples / 32768, rate) for samples, rate in espeak.synthesize(jobs, 1))
natural = "natural" if digits.real else "other synthetic voices"
rates = {}
rows = [
    row_of(natural, texts, ((string["samples"], listening_rate) for string in tests)),
    row_of("source", texts, source),
    row_of("unit selection", texts, ((by_units(labels), RATE) for labels in spoken_labels)),
    row_of("formant rules", texts, ((by_rules(labels), 16_000) for labels in spoken_labels)),
    row_of("HMM and WORLD", texts, ((by_states(labels, *best_knobs), RATE) for labels in spoken_labels)),
]
table(rows, title=f"Word error rate of digit strings; {natural}: {digits.name}, the rest synthetic")
plot.bars(
    {name.replace(" and ", ", "): 100 * rate for name, rate in rates.items()},
    y_label="words wrong [%]",
    title="Who is understood?",
)
worst = max(rates[name] for name in said)
if fast_mode():
    print("Fast mode trains listener and voices on a fraction: the target does not apply.")
elif not digits.real:
    print("Natural strings are synthetic here, too: the target does not apply.")
else:
    print(
        f"Target {TARGET:.0%} for each voice: {'reached' if worst <= TARGET else 'missed'} (worst {worst:.1%})."
    )
string = spoken_labels[0]
play(
    {
        natural: loud(scipy.signal.resample_poly(tests[0]["samples"], 441, listening_rate // 50)),
        "unit selection": loud(by_units(string)),
        "formant rules": loud(scipy.signal.resample_poly(by_rules(string), 441, 320)),
        "HMM and WORLD": loud(by_states(string, *best_knobs)),
    },
    RATE,
)
print("all say:", " ".join(texts[0]))

# %% [markdown]
# Read the table with care. The recogniser is one listener with habits of its own; people rank voices otherwise.
# The intervals are wide. Units stumble where they are joined, and their lengths are those of running speech. The
# rules say every digit in exactly the same, textbook way, and slowly; half of their errors are words too many.
# Intelligible and natural are two things: in the Blizzard challenges of 2005 to 2008, where people listened, unit
# selection was often the most natural and HMM voices the most intelligible.
#
# ## Against the library
#
# There is a plain way to generate parameters: write $W$ down and let `numpy.linalg.solve` do the rest. Same
# numbers; the time is another matter.

# %%
few = states[: 200 if fast_mode() else 500]
few_means, few_variances = joined["means"][few, 0], joined["variances"][few, 0]


def plainly(means: Float[np.ndarray, "frames 3*dim"], variances: Float[np.ndarray, "frames 3*dim"]):
    """The normal equations with full matrices, one dimension after the other."""
    n_frames, dim = len(means), means.shape[1] // 3
    W = (
        append_deltas(np.eye(n_frames))
        .reshape(n_frames, 3, n_frames)
        .transpose(1, 0, 2)
        .reshape(-1, n_frames)
    )
    result = np.empty((n_frames, dim))
    for d in range(dim):
        precision = 1 / variances[:, d::dim].T.ravel()
        result[:, d] = np.linalg.solve(
            W.T @ (precision[:, None] * W), W.T @ (precision * means[:, d::dim].T.ravel())
        )
    return result


largest = np.abs(plainly(few_means, few_variances) - generate_parameters(few_means, few_variances)).max()
table(
    [
        {"": "yours, banded", "time [ms]": 1000 * stopwatch(generate_parameters, few_means, few_variances)},
        {
            "": "numpy, full matrices",
            "time [ms]": 1000 * stopwatch(plainly, few_means, few_variances, repeat=1),
        },
    ],
    title=f"{len(few_means)} frames of {few_means.shape[1] // 3} parameters, at most {largest:.1e} apart",
)
assert largest < 1e-6

# %% [markdown]
# And eSpeak NG itself? It is a formant synthesiser with rules, like yours, grown for thirty years. How long does
# each voice need for a second of speech?

# %%
makers = {
    "unit selection": (by_units, RATE),
    "formant rules": (by_rules, 16_000),
    "HMM and WORLD": (by_states, RATE),
}
rows = []
for name, (maker, rate) in makers.items():
    started = time.perf_counter()
    sound = maker(labels)
    rows.append({"voice": name, "seconds for a second": (time.perf_counter() - started) * rate / len(sound)})
table(rows, title="All are faster than speech")

# %% [markdown]
# ## Where it breaks
#
# **A phone has no neighbours here.** There is one model of *n* for *nine*, *ten* and *seven*, and one length of
# *ˈaɪ* for the middle of a sentence and its end. But the rules' strongest rule was about just that: sounds before
# a pause are longer. Give the HMM voice a little context. Phones from the last vowel before a pause on get a name
# of their own.

# %%
END = "|"  # behind a label: at the end of a clause


def with_ends(labels: list[str]) -> list[str]:
    """Labels, those from the last vowel of a clause to its end marked."""
    marked, open_end = [], True
    for label in reversed(labels):
        if label == "sil":
            open_end = True
            marked.append(label)
            continue
        marked.append(label + END if open_end else label)
        if any(phone in VOWELS for phone in to_arpabet([label])):
            open_end = False
    return marked[::-1]


def known_only(labels: list[str], phones: dict) -> list[str]:
    """Marked labels where there is a model of them, else the plain ones."""
    return [label if label in phones else label.removesuffix(END) for label in labels]


print(" ".join(with_ends(example)))
end_models = train_phones(with_ends)
with_context = finish_voice(end_models, *align(end_models, with_ends))
for label, own in voice["phones"].items():
    with_context["phones"].setdefault(label, own)
context_labels = [known_only(with_ends(labels), with_context["phones"]) for labels in spoken_labels]
_, liveliness = best_knobs
rows = [
    row_of("one model a phone", texts, ((by_states(own, 1.0, liveliness), RATE) for own in spoken_labels)),
    row_of(
        "clause ends apart",
        texts,
        ((by_states(own, 1.0, liveliness, with_context), RATE) for own in context_labels),
    ),
]
table(rows, title="A little context for the HMM voice, at the speed of the recordings")
play(
    {
        "one model a phone": loud(by_states(spoken_labels[0], 1.0, liveliness)),
        "clause ends apart": loud(by_states(context_labels[0], 1.0, liveliness, with_context)),
    },
    RATE,
)

# %% [markdown]
# With enough recordings the marked phones learn both what they last and how they sound at an end, and the figure
# falls without any knob.
#
# HTS went this way to its end: neighbours, stress, place in the syllable, the word, the phrase, some fifty facts
# about each phone. No recording has all combinations, so decision trees decide which may share a Gaussian. It was
# a craft with thousands of rules of thumb.
#
# Then networks learnt the map from context to parameters without trees (2013), then without durations from
# outside, then without WORLD. The four decisions stayed: which phones, how long, how high, which sound. In
# FastSpeech 2 you will meet them again, each as a small network.
#
# ## Read on
#
# - D. H. Klatt, *Synthesis by rule of segmental durations in English sentences*, in Frontiers of Speech
#   Communication Research, 1979.
# - J. Allen, M. S. Hunnicutt, D. H. Klatt, *From Text to Speech: the MITalk system*, 1987: chapters 9 and 12.
# - H. Fujisaki, K. Hirose, *Analysis of voice fundamental frequency contours for declarative sentences of
#   Japanese*, Journal of the Acoustical Society of Japan (E) 5(4), 1984.
# - T. Yoshimura, K. Tokuda, T. Masuko, T. Kobayashi, T. Kitamura, *Duration modeling for HMM-based speech
#   synthesis*, ICSLP 1998.
# - K. Tokuda, T. Yoshimura, T. Masuko, T. Kobayashi, T. Kitamura, *Speech parameter generation algorithms for
#   HMM-based speech synthesis*, ICASSP 2000: section 3 is Part 11.
# - T. Toda, K. Tokuda, *A speech parameter generation algorithm considering global variance for HMM-based speech
#   synthesis*, IEICE Transactions E90-D(5), 2007.
# - K. Yu, S. Young, *Continuous F0 modeling for HMM based statistical parametric speech synthesis*, IEEE
#   Transactions on Audio, Speech and Language Processing 19(5), 2011.
# - K. Tokuda et al., *Speech synthesis based on hidden Markov models*, Proceedings of the IEEE 101(5), 2013: all
#   of it on twenty pages.
