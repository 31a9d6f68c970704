"""English sentences to be spoken: written ones, ones with numbers, and ones from a small grammar.

All are ours, and the same every time. Any hundred of them in a row hold every sound of English.
"""

from __future__ import annotations

import functools
import random

COUNT = 1600

WRITTEN = """\
The old lighthouse keeper measured the depth of the bay with a rope and a stone.
A pleasure boat drifted past the royal gardens without a sound.
She chose a beige jacket and a pair of yellow gloves.
The judge enjoyed his orange juice and joined the others at the large table.
Five thin white feathers fell from the oak above the path.
Would you rather bathe in the river or read under the birch tree?
His unusual vision of the future caused some confusion in the village.
The boy with the noisy toy annoyed everyone on the voyage.
Nothing is worth more than a quiet hour at the end of the day.
The cook pushed the wooden spoon through the thick brown butter.
Few people knew the true value of the huge blue jewel.
Which of these three churches has the shortest tower?
A measure of sugar, a pinch of salt, and the dough is ready.
They weighed the gold, wrapped it in cloth, and shipped it south.
The garage door shook when the heavy van rolled in.
My uncle taught English at a small college near the lake.
The path goes up the hill, through the gate, and along the wall.
No one could say how the fox got out of the box.
It was a bright cold morning, and the pond was covered with ice.
He whispered the answer, but nobody heard him.
A young thrush sang in the hawthorn hedge.
The youngest of the four brothers wore a thick woollen scarf.
Please shut the window before the rain begins.
The captain poured himself a cup of hot strong coffee.
We could hear the bells of the town across the marsh.
A loose thread hung from the sleeve of her favourite coat.
The miller's daughter carried two full sacks up the stairs.
Ask the shepherd which way the stream flows.
How many cherries did the child put into the jar?
The train leaves at noon, so we should hurry.
The carpenter smoothed the edge with a sharp chisel.
Their house stood where the north road meets the canal.
An owl hooted twice, and then the wood was silent.
The treasure lay deep beneath the roots of an ancient yew.
He sold the cow for a handful of beans and a new hat.
A gentle breeze moved the curtains of the open room.
The mayor thanked the crew for their courage.
We chopped the onions, boiled the rice, and fried the fish.
You should always water roses in the evening.
The third chapter explains why the earth has seasons.
Do not leave the oven on when you go out.
Her cousin plays the cello, and her mother the piano.
The chairs by the fire were soft, low, and wide.
Snow fell all night, and by dawn the roofs were white.
The vase was a gift from a very generous neighbour.
A good pilot watches the clouds as well as the dials.
The division of labour made the factory efficient.
I would have bought the book if it had been cheaper.
The rough cloth scratched the skin of his hands.
Both of them laughed until their sides ached.
The giant turtle swam slowly towards the beach.
This engine burns less oil than the other one.
In the cellar there were jars of plums, pears, and peaches.
The teacher drew a circle and divided it into eighths.
A thousand birds rose from the field at once.
Who gave you permission to use the telescope?
The girl put her ear to the ground and listened.
Every boy in the choir had learned the verse by heart.
The moon was full, so they walked home without a lamp.
He thought that the clock on the tower was wrong.
The wheel squeaked until somebody oiled it.
My father used to mend nets on that wharf.
She hung the wet towels on a line between two poles.
There is a short way over the bridge and a long way round.
The ship was built of oak, pine, and iron.
A quick brown mouse vanished behind the cupboard.
The crowd cheered as the runner crossed the line.
If you mix yellow and blue, you get green.
The guide showed us the cave where the bears sleep.
An hour later the storm had passed, and the sun shone.
The baker's wife brought us a loaf, still warm.
We watched the sparks fly up into the dark sky.
The prince could neither read nor write.
Poor soil and a cool climate make farming hard.
The mechanic fixed the brake with a piece of wire.
Choose the shape that looks least like a square.
The sea was as smooth as glass that afternoon.
A pair of scissors lay on the green cushion.
The nurse measured the child's height and weight.
The letter had been lying on the desk since July.
They dug a trench around the tent to keep it dry.
That azure dress is the only one of its kind.
The committee reached a decision after a long discussion.
Music was heard from the house at the corner.
The fence is rotten, and the gate hangs by one hinge.
She earns her living by painting birds on china.
The puppy chewed the leather strap in two.
The water in the kettle began to bubble and hiss.
A sailor must know his knots by touch alone.
The thief dropped the purse and ran for the woods.
The oldest map shows a road that no longer exists.
Most of the furniture was made by my grandfather.
You can see the whole valley from the top of the tower.
The poet wrote about youth, love, and the passing years.
The orchard belongs to a widow with four sons.
Cheese, grapes, and fresh figs were served at noon.
The huge wave lifted the boat and threw it ashore.
It takes patience to teach a parrot to talk.
The museum will be closed until the first of June.
The engineer frowned at the drawing and shook his head.
""".splitlines()

_PEOPLE = (
    "the teacher,the farmer,the young nurse,my brother,her uncle,the tall judge,the old sailor,our neighbour,"
    "the baker,the boy,a thin girl,the choir,the shepherd,the pilot,the royal guard,a stranger,the mayor,"
    "the chemist,his daughter,the weaver,the jeweller,a noisy child,the painter,the watchman,the youth"
).split(",")
_THINGS = (
    "the blue bowl,a wooden chair,the heavy box,a silver coin,the broken clock,the yellow jug,some shoes,"
    "the garden gate,a bag of flour,the thick rope,an orange,the leather purse,the sharp knife,a new engine,"
    "the treasure,the window,a loaf of bread,the white feather,a bottle of oil,the picture,a jar of honey,"
    "the church bell,a piece of cheese,the long ladder,the toy boat,a measuring tape,the brown envelope,"
    "the empty basket,a bunch of grapes,the curved sword"
).split(",")
_PLACES = (
    "in the kitchen,near the harbour,behind the barn,under the bridge,on the shore,at the village school,"
    "beside the canal,in the north tower,by the fountain,outside the theatre,in the orchard,on the roof,"
    "across the valley,at the edge of the wood,in front of the bank,between two houses,along the path,"
    "inside the garage,on the third floor,round the corner"
).split(",")
_TIMES = (
    "this morning,last Thursday,in early June,before breakfast,after the storm,every other week,at sunset,"
    "during the voyage,on a rainy day,a year ago,in the middle of the night,as usual,at the end of the month,"
    "when the bell rang,without any warning,for the first time"
).split(",")
_DID = (
    "found,carried,painted,dropped,bought,hid,washed,borrowed,polished,noticed,sold,measured,lost,"
    "repaired,wrapped,pushed,chose,wanted,enjoyed,returned,caught,threw away,fetched,drew,watched"
).split(",")
_WENT = (
    "walked,waited,sang,laughed,slept,worked,stood,rested,talked,whistled,vanished,sat down,danced,"
    "looked around,fished,shouted,played,turned back,searched,sneezed"
).split(",")
_HOW = (
    "slowly,quietly,with great pleasure,very carefully,in a hurry,again and again,with both hands,gladly,"
    "without a word,as quickly as possible,by mistake,by chance,with a smile,rather badly"
).split(",")
_LIKE = (
    "small,huge,useful,strange,bright,dull,rough,smooth,cheap,charming,pure,fragile,worthless,joyful,odd,"
    "green,thin,warm,unusual,loud,average,foolish,ancient,sour,very quiet"
).split(",")
_SUBJECTS = (
    "the weather,the soup,his voice,the view,that garden,the bridge,this cloth,the music,her answer,the road,"
    "the cushion,your theory,the village,the shadow,the journey,the wheel,the church,that vision"
).split(",")

_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()
_MONTHS = ("January February March April May June July August September October November December").split()
_DAYS = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth".split()
_COUNTED = (
    "boats,chairs,loaves of bread,children,horses,pages,yards of cloth,bottles,tickets,visitors,young trees,"
    "measures of oats,bricks,fish,letters,chickens,engines,coins,thistles,badges"
).split(",")


def number_in_words(number: int) -> str:
    """A whole number from 0 to 999 999 in English words.

    Example:
        >>> number_in_words(1965)
        'one thousand nine hundred and sixty-five'
    """
    if not 0 <= number < 1_000_000:
        raise ValueError(f"number is {number}, expected 0 to 999999")
    if number < 20:
        return _SMALL[number]
    if number < 100:
        tens, units = divmod(number, 10)
        return _TENS[tens - 2] + (f"-{_SMALL[units]}" if units else "")
    if number < 1000:
        hundreds, rest = divmod(number, 100)
        return f"{_SMALL[hundreds]} hundred" + (f" and {number_in_words(rest)}" if rest else "")
    thousands, rest = divmod(number, 1000)
    link = " and " if 0 < rest < 100 else " "
    return f"{number_in_words(thousands)} thousand" + (f"{link}{number_in_words(rest)}" if rest else "")


@functools.cache
def sentences() -> tuple[str, ...]:
    """`COUNT` different sentences: of every eight, one is written by hand where any are left, one or two
    have numbers, the others come from the grammar."""
    chance = _Chance(7)
    written = chance.shuffled(WRITTEN)
    found: dict[str, None] = {}
    while len(found) < COUNT:
        turn = len(found) % 8
        if turn == 0 and written:
            sentence = written.pop()
        elif turn in (0, 4):
            sentence = _with_number(chance)
        else:
            sentence = _from_grammar(chance)
        found.setdefault(sentence)
    return tuple(found)


class _Chance:
    """Choices that are the same with every version of Python."""

    def __init__(self, seed: int) -> None:
        # of all that `random` offers, only the numbers of random() are promised to stay as they are
        self._random = random.Random(seed).random

    def below(self, limit: int) -> int:
        return int(self._random() * limit)

    def of(self, choices: list[str]) -> str:
        return choices[self.below(len(choices))]

    def shuffled(self, items: list[str]) -> list[str]:
        return [item for _, item in sorted((self._random(), item) for item in items)]


def _from_grammar(chance: _Chance) -> str:
    who, other = chance.shuffled(_PEOPLE)[:2]
    what, thing = chance.shuffled(_THINGS)[:2]
    did, went, how = chance.of(_DID), chance.of(_WENT), chance.of(_HOW)
    where, when = chance.of(_PLACES), chance.of(_TIMES)
    like, also = chance.shuffled(_LIKE)[:2]
    subject = chance.of(_SUBJECTS)
    shapes = [
        f"{who} {did} {what} {where}.",
        f"{when}, {who} {went} {where}.",
        f"{who} and {other} {went} {how}.",
        f"{who} {did} {what}, but {other} {did} {thing}.",
        f"{subject} was {like}, and {who} {went} {how}.",
        f"did {who} really say that {subject} was {like}?",
        f"{subject} is {like} rather than {also}.",
        f"{who} {went} {where}, and {other} {did} {what}.",
        f"if {subject} is {like}, {who} may not like it.",
        f"{when}, {what} was {where}.",
        f"{who} gave {other} {what} {when}.",
        f"why would {who} keep {what} {where}?",
        f"there was {_a(like)} smell {where}.",
        f"{who} {did} {what} {how} {when}.",
        f"nobody knew that {who} {did} {what}.",
    ]
    sentence = chance.of(shapes)
    return sentence[0].upper() + sentence[1:]


def _a(word: str) -> str:
    return ("an " if word[0] in "aeio" or word == "unusual" else "a ") + word


def _with_number(chance: _Chance) -> str:
    who = chance.of(_PEOPLE)
    some, many = number_in_words(2 + chance.below(98)), number_in_words(100 + chance.below(9900))
    things = chance.of(_COUNTED)
    year = f"{number_in_words(14 + chance.below(6))} {number_in_words(21 + chance.below(79))}"
    hour, minute = number_in_words(1 + chance.below(12)), number_in_words(11 + chance.below(49))
    shapes = [
        f"{who} counted {some} {things}.",
        f"{many} {things} were sold that year.",
        f"on the {chance.of(_DAYS)} of {chance.of(_MONTHS)}, {year}, {who} left the town.",
        f"the bus leaves at {hour} {minute} and arrives at {number_in_words(1 + chance.below(12))}.",
        f"{some} {things} cost {number_in_words(2 + chance.below(500))} pounds.",
        f"in {year} there were {some} {things} {chance.of(_PLACES)}.",
        f"page {number_in_words(2 + chance.below(700))} shows {some} {things}.",
        f"call {' '.join(_SMALL[chance.below(10)] for _ in range(6))} and ask for {who}.",
    ]
    sentence = chance.of(shapes)
    return sentence[0].upper() + sentence[1:]
