"""Templates of questions, and the intents that they belong to.

A template is text with alternatives: ``{what is|what's} a {quote|signed quote}?``; alternatives nest and may be empty.
A template that begins with ``~`` is held out: it is never used in training.
"""

import random
import re
from dataclasses import dataclass, field

# How people ask what a thing is. X is the thing, IS is "is" or "are".
DEFINING_FRAMES = [
    "what IS X?", "what IS X?", "what IS X?", "what's X?", "{can|could} you explain X?", "explain X{| to me}",
    "explain {to me |}what X IS", "tell me about X", "tell me what X IS", "tell me {something|more} about X", "define X",
    "X?", "X", "what do you know about X?", "what does X mean?", "what does X stand for?", "what is meant by X?",
    "{give me|i need|i want} a {short|quick|simple} {explanation|definition} of X", "how would you {describe|explain|define} X?",
    "describe X", "help me understand X", "i don't {understand|get} X", "i do not know what X IS", "{so |ok |well |}what exactly IS X?",
    "what about X?", "and X?", "i keep {reading|hearing} about X, what {is it|is that|are they}?", "teach me about X", "talk about X",
    "say something about X", "any idea what X IS?", "do you know what X IS?", "do you know {anything about |}X?", "meaning of X",
    "X meaning", "X definition", "info {on|about} X", "what IS X {in simple words|in simple terms|for a beginner|in one sentence|in this context|here|exactly|again|really}?",
    "X explained", "explain X {to me |}{like i am new to it|like i am five|like i'm new|as if i were a child|slowly|from scratch|in plain words|in plain english|for dummies}", "what IS X {in plain words|in plain english|for a child|in your words}?", "X in {simple|plain|your} words", "{can you |}give me an overview of X", "{is there |}something you can tell me about X?", "what can you {say|tell me} about X?", "which thing IS X?", "how {would|do} you call X in simple words?", "X please", "tell me all about X", "what do you think X IS?", "i want to {know|learn|understand} {what X IS|about X}", "summarize X", "remind me what X IS",
    "what do you mean by X?", "you said X, what is that?", "what {kind of thing|sort of thing} IS X?", "where does X come in?",
    "have you heard of X?", "can you tell me about X?", "could you {tell|teach} me {something |}about X?",
    "someone mentioned X, what {is it|does it mean}?", "X, what does it mean?", "i have a question about X",
    "~could you define X for me?", "~what would you say X IS?", "~can you tell me what X IS?", "~what exactly is meant by X?",
    "~give me a quick explanation of what X IS", "~i'd like to understand X", "~how do you explain X to a friend?",
    "~X - what is that?", "~i have never heard of X, what is it?", "~short explanation of X please",
    "~would you describe X in a few words?", "~i want a definition of X", "~so tell me, what IS X?", "~please explain what X IS",
]
WORKING_FRAMES = [
    "how DO X work?", "how DO X work?", "{can you |}explain how X {works|work}", "how does it work, X?", "tell me how X {works|work}",
    "why DO {i|we|you|people} need X?", "what IS X for?", "what IS X good for?", "what IS the {purpose|point|use|role|job} of X?",
    "why IS X {important|needed|useful|there}?", "what DO X do?", "why X?", "why DO you use X?", "what DO X {give|bring} me?",
    "how IS X used?", "what IS X used for?", "when do i need X?",
    "~how exactly DO X work?", "~what IS the use of having X?", "~could you tell me how X {works|work}?", "~why would {anyone|i} need X?",
    "~what is it that X {does|do}?", "~why should i care about X?",
]


@dataclass(frozen=True)
class Intent:
    """Questions that have the same answer."""

    id: str
    kind: str
    answers: list[str]
    ask: list[str]
    names: list[str] = field(default_factory=list)
    works: bool = True
    """Whether 'how does it work' and 'what is it for' are answered by the definition too."""
    weight: float = 1.0
    also: list[str] = field(default_factory=list)
    """Answers of neighbours that are right too."""

    def templates(self, held_out: bool) -> list[str]:
        own = [t for t in self.ask if t.startswith("~") == held_out]
        return [t.removeprefix("~") for t in own]


def frames(held_out: bool, works: bool) -> list[str]:
    every = DEFINING_FRAMES + (WORKING_FRAMES if works else [])
    return [f.removeprefix("~") for f in every if f.startswith("~") == held_out]


def fill_frame(frame: str, name: str) -> str:
    """Puts a thing's name into a frame. A name that begins with ``+`` is a plural."""
    plural = name.startswith("+")
    name = name.removeprefix("+")
    frame = re.sub(r"\bIS\b", "are" if plural else "is", frame)
    frame = re.sub(r"\bDO\b", "do" if plural else "does", frame) if re.search(r"\bDO X\b", frame) else re.sub(r"\bDO\b", "do", frame)
    frame = frame.replace("{works|work}", "work" if plural else "works").replace("{does|do}", "do" if plural else "does")
    return re.sub(r"\bX\b", lambda _: name, frame)


_INNERMOST = re.compile(r"\{([^{}]*)\}")


def expand(template: str, rng: random.Random) -> str:
    """One random text of a template."""
    while match := _INNERMOST.search(template):
        template = template[: match.start()] + rng.choice(match.group(1).split("|")) + template[match.end() :]
    return re.sub(r" +", " ", template).strip()


def question(intent: Intent, rng: random.Random, held_out: bool) -> str | None:
    """One wording of an intent, or None where it has none of the wanted sort."""
    own = intent.templates(held_out)
    # Names count as much as ten templates would.
    share = 0.0 if not intent.names else 1.0 if not own else 10 / (10 + len(own)) if not held_out else 0.5
    if intent.names and rng.random() < share:
        return expand(fill_frame(rng.choice(frames(held_out, intent.works)), expand(rng.choice(intent.names), rng)), rng)
    return expand(rng.choice(own), rng) if own else None


def normalise(text: str) -> str:
    """For comparing: lower case, words and numbers and signs of calculation only."""
    plain = text.lower().replace("'", "").replace("\u2019", "")
    return " ".join(re.findall(r"\w+|[-+*=/]", plain)) or plain.strip()
