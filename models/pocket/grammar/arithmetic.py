"""Small sums. One-digit facts are all taught, and judged by other wordings; of larger numbers, pairs are held out too."""

import random
from dataclasses import dataclass

from .intent import expand

NUMBER_WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]

_ASK = "{what is|what is|what's|whats|how much is|calculate|compute|tell me|solve|can you calculate|please calculate|can you compute|give me|evaluate|i need|so what is|what would be|could you calculate|answer this:|math:|quick math:|find|can you tell me what is|how many is|what are}"
_ASK_HELD_OUT = "{could you compute|please tell me what is|can you solve|please compute|so how much is|i want to know what is|could you tell me what is|do you know how much is}"

TRAIN = {
    "+": ["A+B", "A + B", "A+B", "A + B?", "A+B=", "A + B =", "A+B=?", "A + B = ?", "A + B =?", "A plus B", "A plus B?", f"{_ASK} A+B?", f"{_ASK} A + B?", f"{_ASK} A plus B?", f"{_ASK} A plus B", f"{_ASK} A+B", "add A and B", "add A to B", "add A and B {please|together|for me}", "{can you|please|could you} add A and B?", "{what is|what's|calculate|find|tell me|compute} the sum of A and B", "the sum of A and B", "sum of A and B", "A and B {added|together|summed}", "{what is|how much is|what's} A and B together?", "A plus B {equals|is|makes}?", "what do you get if you add A and B?", "what do i get when i add A to B?", "what does A + B {equal|make|give}?", "i have A {apples|coins|books|eggs} and get B more, how many do i have?", "if i have A {apples|coins|cats} and buy B more, how many are there?", "{can you do|do you know} A + B?", "A+B is?", "A + B is what?", "A added to B", "total of A and B", "what is the total of A and B?", "{hi|hello|hey}, what is A+B?", "how many are A and B?", "A and B make?"],
    "-": ["A-B", "A - B", "A-B", "A - B?", "A-B=", "A - B =", "A-B=?", "A - B = ?", "A minus B", "A minus B?", f"{_ASK} A-B?", f"{_ASK} A - B?", f"{_ASK} A minus B?", f"{_ASK} A minus B", f"{_ASK} A-B", "subtract B from A", "{can you|please|could you} subtract B from A?", "take B {away |}from A", "take away B from A", "{what is|calculate|find|tell me} the difference {of|between} A and B", "A take away B", "A minus B {equals|is|makes}?", "what do you get if you subtract B from A?", "what does A - B {equal|make|give}?", "i have A {apples|coins|books} and lose B, how many are left?", "A less B", "{can you do|do you know} A - B?", "A - B is what?", "what is A without B?", "what is left if i take B from A?", "{hi|hello|hey}, what is A-B?"],
    "*": ["AxB", "A x B", "A*B", "A * B", "A*B?", "A x B?", "A*B=", "A x B =", "A*B=?", "A x B = ?", "A * B = ?", "A \u00d7 B", "A times B", "A times B?", f"{_ASK} A*B?", f"{_ASK} A x B?", f"{_ASK} A \u00d7 B?", f"{_ASK} A times B?", f"{_ASK} A times B", f"{_ASK} A * B", "multiply A and B", "multiply A by B", "multiply A with B", "{can you|please|could you} multiply A {by|and|with} B?", "{what is|calculate|find|tell me} the product of A and B", "product of A and B", "A multiplied by B", "{what is|how much is} A multiplied {by|with} B?", "A times B {equals|is|makes}?", "what do you get if you multiply A {and|by} B?", "what does A * B {equal|make|give}?", "{can you do|do you know} A x B?", "A x B is what?", "i have A boxes with B {apples|coins|eggs} each, how many {apples|coins|eggs} are there?", "A {bags|boxes} of B", "{hi|hello|hey}, what is A x B?", "A by B"],
}
HELD_OUT = {
    "+": ["what does A plus B equal?", f"{_ASK_HELD_OUT} A+B?", f"{_ASK_HELD_OUT} A plus B?", f"{_ASK_HELD_OUT} A + B", "could you add A to B for me?", "how much do i get if i add A and B?", "please find the sum of A and B", "A plus B equals what?", "what do A and B make together?", "add the numbers A and B", "hey, how much is A plus B?", "so A+B is what?"],
    "-": ["what does A minus B equal?", f"{_ASK_HELD_OUT} A-B?", f"{_ASK_HELD_OUT} A minus B?", f"{_ASK_HELD_OUT} A - B", "could you take B away from A?", "how much do i get if i subtract B from A?", "please find the difference between A and B", "A minus B equals what?", "hey, how much is A minus B?", "so A-B is what?"],
    "*": ["what does A times B equal?", f"{_ASK_HELD_OUT} A*B?", f"{_ASK_HELD_OUT} A times B?", f"{_ASK_HELD_OUT} A x B", "could you multiply A with B for me?", "how much do i get if i multiply A by B?", "please find the product of A and B", "A times B equals what?", "multiply the numbers A and B", "hey, how much is A times B?", "so A x B is what?"],
}
BRIEF_TRAIN = ["Answer briefly.", "answer briefly", "Just the number.", "just the number please", "Only the number.", "Number only.", "Answer with a number.", "Answer with one number.", "Answer in one word.", "Reply with the number only.", "Short answer.", "short answer please", "Be brief.", "keep it short", "In one word.", "One word answer.", "Answer with only the number.", "No explanation.", "Respond with just the number.", "Give only the result."]
BRIEF_HELD_OUT = ["Please answer briefly.", "Reply with just the number.", "Give me only the number.", "Please be brief.", "Answer with just the number."]

_UNITS = list(range(10))
KINDS = {
    ("one-digit", "+"): "one-digit sums", ("one-digit", "-"): "one-digit sums", ("one-digit", "*"): "one-digit sums",
    ("two-digit", "+"): "two-digit additions", ("two-digit", "-"): "two-digit subtractions", ("two-digit", "*"): "products up to 12",
}


@dataclass(frozen=True)
class Sum:
    question: str
    answers: list[str]
    """Only the first is taught; the others are right too."""
    kind: str


def result(a: int, op: str, b: int) -> int:
    return a + b if op == "+" else a - b if op == "-" else a * b


def is_held_out_pair(a: int, op: str, b: int) -> bool:
    """About one in eight pairs of larger numbers, whichever comes first. Products are a table, and all taught."""
    if op == "*" or max(a, b) < 10:
        return False
    low, high = sorted((a, b))
    return random.Random(f"{op}{low},{high}").random() < 0.125


def _numbers(kind: str, op: str, rng: random.Random) -> tuple[int, int]:
    if kind == "one-digit":
        return rng.choice(_UNITS), rng.choice(_UNITS)
    if op == "*":
        a, b = rng.randrange(0, 13), rng.randrange(10, 13)
        return (a, b) if rng.random() < 0.5 else (b, a)
    while True:
        low = 0 if rng.random() < 0.25 else 10
        a, b = rng.randrange(low, 100), rng.randrange(low, 100)
        if op == "-" and a < b:
            a, b = b, a
        if max(a, b) >= 10:
            return a, b


def make_sum(rng: random.Random, held_out: bool, kind: str, op: str) -> Sum:
    """A sum in words or signs. Held-out sums of larger numbers have held-out pairs, and any wording."""
    while True:
        a, b = _numbers(kind, op, rng)
        if kind == "one-digit" or op == "*" or is_held_out_pair(a, op, b) == held_out:
            break
    other_wording = held_out and (kind == "one-digit" or op == "*" or rng.random() < 0.5)
    text = expand(rng.choice((HELD_OUT if other_wording else TRAIN)[op]), rng)
    spelled = max(a, b) <= 12 and rng.random() < 0.22
    if spelled and any(f" {sign} " in f" {text} " or f"A{sign}B" in text for sign in "+-*x\u00d7"):
        text = {"+": "what is A plus B", "-": "what is A minus B", "*": "what is A times B"}[op] if not other_wording else text
        spelled = not other_wording
    left, right = (NUMBER_WORDS[a], NUMBER_WORDS[b]) if spelled else (str(a), str(b))
    # Both at once: a number may not be taken for a placeholder.
    text = "".join(left if c == "A" else right if c == "B" else c for c in text)
    value = result(a, op, b)
    short = f"{a} {'x' if op == '*' else op} {b} = {value}"
    if kind == "two-digit" and op != "*":
        # Larger sums are done in steps, each of which is one fact.
        return Sum(text, [f"{a} {op} {b} = {_steps(a, op, b)}{value}", short, str(value)], KINDS[kind, op])
    brief = rng.random() < 0.3
    if brief:
        text = text.rstrip("?") + rng.choice(["? ", "? ", " ", ". "]) + rng.choice(BRIEF_HELD_OUT if other_wording else BRIEF_TRAIN)
    return Sum(text, [str(value), short] if brief else [short, str(value)], KINDS[kind, op])


def _steps(a: int, op: str, b: int) -> str:
    """47 + 38 = 70 + 15 = 85; 83 - 47 = 83 - 40 - 7 = 43 - 7 = 36."""
    tens, units = b // 10 * 10, b % 10
    if op == "+":
        return f"{a // 10 * 10 + tens} + {a % 10 + units} = "
    if b < 10:
        return ""
    return f"{a} - {tens} - {units} = {a - tens} - {units} = "


REFUSAL = "That is beyond me: I'm a pocket model. I add up to 99 + 99, subtract down to zero and multiply up to 12 x 12."
_BIG = [
    "A+B", "A + B", "AxB", "A*B", "A * B", "A-B", "A/C", "A / C", "what is A + B?", "what is A*B?", "what is A times B?", "what's A x B", "how much is A times B?", "calculate A * B", "calculate A + B", "A plus B", "A minus B", "A times B", "A divided by C", "what is A divided by C?", "what is A / C?", "how much is A divided by C?", "divide A by C", "what is C / C?", "C divided by C", "C/C", "the square root of A", "what is the square root of {A|C}?", "sqrt(A)", "A squared", "what is C squared?", "C^C", "A^C", "what is C to the power of C?", "C percent of A", "what is C% of A?", "what is {A|C} factorial?", "{A|C}!", "C + C + C", "C+C+C", "what is C + C * C?", "(C + C) * C", "add C, C and C", "half of A", "what is half of A?", "what is a third of A?", "2x + C = A, what is x?", "solve x + C = A", "solve x^2 = A", "is A a prime?", "is A prime?", "is A even or odd?", "what is A mod C?", "A modulo C", "log of A", "what is sin(A)?", "C.C + C.C", "what is C.C plus C.C?", "1/C + 1/C", "what is pi?", "pi to C digits", "derivative of x^C", "integrate x^C", "convert A to binary", "what is A in hex?", "sum of numbers from 1 to A", "what is the average of C, C and C?", "round C.C", "which is bigger, A or B?", "count to A", "count from C to A", "the next prime after A", "solve this equation", "do my math homework", "what is calculus?", "what is algebra?",
    "~please compute A * B", "~could you divide A by C?", "~what would A times B be?", "~tell me the square root of A", "~what do i get for A + B?", "~how much is C percent of A?", "~what is C / C equal to?", "~is the number A prime?", "~could you solve x + C = A?", "~how much is A plus B?",
]


def beyond(rng: random.Random, held_out: bool) -> str:
    """A calculation that the model was not taught."""
    if rng.random() < 0.12:
        a, b = sorted(rng.sample(range(100), 2))
        b = max(b, 10)
        return expand(f"{a} minus {b} equals what?" if held_out else f"{{what is |how much is |}}{a}{{-| - | minus }}{b}{{?|=|}}", rng)
    template = expand(rng.choice([t.removeprefix("~") for t in _BIG if t.startswith("~") == held_out]), rng)
    product = any(sign in template for sign in ("AxB", "A*B", "A * B", "A x B", "times"))
    low = 13 if product else 100
    numbers = [rng.choice([rng.randrange(low, 1000), rng.randrange(100, 10_000), rng.randrange(low, 100_000)]) for _ in range(2)]
    out = []
    for i, c in enumerate(template):
        alone = not (template[i - 1 : i].isalpha() or template[i + 1 : i + 2].isalpha()) or template[i - 1 : i + 2] in ("AxB",) or template[i : i + 3] == "AxB" or template[i - 2 : i + 1] == "AxB"
        if c in "AB" and alone:
            out.append(str(numbers[c == "B"]))
        elif c == "C" and alone:
            out.append(str(rng.randrange(2, 30)))
        else:
            out.append(c)
    return "".join(out)
