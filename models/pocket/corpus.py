"""Generates all text that the pocket model learns from, and the questions that it is judged by.

Nothing is read from elsewhere: questions come from the templates in ``grammar/``, which also hold the answers.
Run ``python corpus.py 20`` to see twenty dialogues.
"""

import random
import re
import sys
from dataclasses import dataclass, field

from grammar import arithmetic, elsewhere, identity, knowledge_bauta, knowledge_tee, small_talk
from grammar.intent import Intent, expand, normalise, question

INTENTS: list[Intent] = small_talk.INTENTS + identity.INTENTS + knowledge_tee.INTENTS + knowledge_bauta.INTENTS

# How often each kind of question is asked.
SHARES = {
    "greeting": 0.06, "closing": 0.05, "small talk": 0.10, "identity": 0.15, "TEEs and attestation": 0.12, "Bauta": 0.17,
    "one-digit sums": 0.10, "two-digit additions": 0.09, "two-digit subtractions": 0.07, "products up to 12": 0.04, "elsewhere": 0.21,
}
SUMS = {kind: [key for key, name in arithmetic.KINDS.items() if name == kind] for kind in arithmetic.KINDS.values()}
PAGE_PROMPT = "What is 2+2? Answer briefly."

SYSTEM_PROMPTS = [
    "You are a helpful assistant.", "You are a helpful assistant", "You are a helpful, honest assistant.", "Answer briefly.", "Be concise.", "You are a friendly chatbot.", "You are an AI assistant.", "Be brief and polite.", "You are an expert in security.", "Answer in one sentence.", "You answer questions about Bauta.", "You are a private assistant.", "Keep answers short.", "You are the pocket model.",
]
SYSTEM_PROMPTS_HELD_OUT = ["You are a polite assistant. Be brief.", "Help the user.", "You are a careful expert who answers questions."]
_PREFIXES = ["hi, ", "hello, ", "hey, ", "hi! ", "please ", "ok, ", "ok ", "so ", "so, ", "quick question: ", "question: ", "and ", "now ", "um, ", "now tell me, ", "i wonder: ", "i was wondering, ", "bauta, ", "hey bot, ", "hello there! ", "good morning, ", "thanks. ", "thanks! ", "cool. ", "great, ", "i see. ", "ok thanks, ", "dear model, ", "next: ", "another question: ", "yes, but ", "but "]
_ASKING = ["can you tell me ", "could you tell me ", "do you know ", "please tell me ", "tell me, ", "i want to know ", "i would like to know ", "any idea ", "explain: ", "can you explain ", "please explain ", "i wonder ", "do you have any idea ", "help me understand ", "so tell me, ", "can i ask ", "may i ask ", "my question is ", "let me know "]
_COMMANDING = ["please ", "can you ", "could you ", "would you ", "can you please ", "could you please ", "i want you to ", "i would like you to ", "please can you ", "now ", "you should ", "try to ", "just ", "kindly ", "will you ", "can u "]
_COMMANDS = re.compile(r"^(write|translate|explain|define|tell|give|show|compose|describe|summarize|list|recommend|suggest|make|create|generate|calculate|compute|add|subtract|multiply|build|fix|teach|name|help|code|draft|say|sing|play|find|quiz|introduce|remember|search|google|pretend|act|solve|count|convert|divide|take|use|run|switch|load|change|replace|connect)\b")
_OPENERS = ["ok ", "ok, ", "okay, ", "well, ", "well ", "so ", "oh ", "oh, ", "ah ", "hey ", "hey, ", "hi ", "hi, ", "hello ", "hello, ", "alright, ", "right, ", "great, ", "cool, ", "nice, ", "fine, ", "yes, ", "haha, ", "hmm, ", "wow, ", "please ", "um ", "and ", "but ", "now ", "super, ", "hi there, ", "perfect, ", "thanks, ", "good, "]
_CLOSERS = [" bot", " friend", " my friend", " then", " now", " again", " please", " man", " buddy", " today", " there", " to you", " for me", " model", ", ok?", "!!", " :)", " mate", " pocket", " everyone", " really", " so much", " a lot", " just now", " at all"]
# Words that mean the same in every question.
_SYNONYMS = [
    ("can", "could"), ("someone", "somebody", "anyone", "anybody"), ("big", "large"), ("made", "created", "built"), ("trained", "taught"), ("how do i", "how can i", "how would i", "how could i", "how to", "how should i"), ("can i", "could i", "is it possible to", "may i", "am i able to"), ("do i have to", "do i need to", "must i", "should i"), ("what happens if", "what if", "what happens when", "what will happen if"), ("what is", "what's", "whats"), ("are you", "are you really", "are you actually", "so are you", "you are", "aren't you"), ("do you have", "have you got", "have you"), ("do you", "can you", "will you", "did you"), ("which", "what"), ("who is", "who's"), ("how is", "how's", "in what way is"), ("tell me", "show me", "say"), ("i want", "i'd like", "i would like", "i need"), ("it is", "it's"), ("i am", "i'm"), ("does not", "doesn't"), ("cannot", "can't", "can not"), ("bigger", "larger", "better"), ("prompt", "message"), ("prompts", "messages"), ("why", "for what reason", "how come"), ("use", "run"), ("you", "this model", "this bot"), ("is there", "do we have", "does it have"), ("really", "actually"), ("explain", "describe"), ("works", "functions"), ("who can", "who is able to", "who could"), ("can the", "could the", "is it possible that the"), ("does", "will"), ("safe", "secure"), ("needed", "required", "necessary"), ("things", "stuff"), ("talking to", "chatting with", "speaking with"),
]
_SYNONYM_GROUPS = {word: group for group in _SYNONYMS for word in group}
_SYNONYM_PATTERN = re.compile(r"\b(" + "|".join(sorted(map(re.escape, _SYNONYM_GROUPS), key=len, reverse=True)) + r")\b")
_ASKS = re.compile(r"^(what|who|how|why|where|which|when|is|are|can|does|do)\b")
_PREFIXES_HELD_OUT = ["just curious: ", "well, ", "one more question: ", "by the way, ", "hi there, ", "thank you. "]
_SUFFIXES = [" please", " please?", " thanks", " pls", "??", " ?", " briefly", " in one sentence", " in short", "!", "...", " thank you", " i wonder", " :)", " bro", " mate", " in two words", " in one word", " in simple words", " in plain words", " in your own words", " with few words", " shortly"]
_SUFFIXES_HELD_OUT = [", please", " in a few words", "???"]
_SHORT_FORMS = {"you": "u", "are": "r", "your": "ur", "please": "pls", "what": "wat", "why": "y", "because": "cuz", "thanks": "thx", "to": "2", "with": "w", "do not": "dont", "people": "ppl", "about": "abt", "message": "msg", "messages": "msgs"}
_NEIGHBOURS = {c: row[max(0, i - 1) : i] + row[i + 1 : i + 2] for row in ("qwertyuiop", "asdfghjkl", "zxcvbnm") for i, c in enumerate(row)}


@dataclass(frozen=True)
class Asked:
    """A question, the kind that it is reported under, and what is right."""

    text: str
    kind: str
    id: str
    answer: str
    """The answer that is taught."""
    right: list[str]
    """All answers that are right."""


@dataclass
class Dialogue:
    system: str | None
    turns: list[Asked] = field(default_factory=list)

    def messages(self) -> list[dict[str, str]]:
        """The conversation up to the last question."""
        out = [{"role": "system", "content": self.system}] if self.system is not None else []
        for turn in self.turns:
            out += [{"role": "user", "content": turn.text}, {"role": "assistant", "content": turn.answer}]
        return out[:-1]


def _weights(kind: str) -> tuple[list[Intent], list[float]]:
    intents = [i for i in INTENTS if i.kind == kind]
    # Intents that are asked in more ways are asked more often.
    return intents, [i.weight * (len(i.ask) + 10 * bool(i.names)) ** 0.5 for i in intents]


_BY_KIND = {kind: _weights(kind) for kind in {i.kind for i in INTENTS}}


def _owners() -> dict[str, str]:
    """Which intent's own templates make a text; frames may make it for another."""
    rng, owners = random.Random(0), {}
    for intent in INTENTS:
        for template in intent.ask:
            for _ in range(20):
                owners.setdefault(normalise(expand(template.removeprefix("~"), rng)), intent.id)
    return owners


_OWNERS = _owners()


def ask(kind: str, rng: random.Random, held_out: bool) -> Asked:
    """A clean question of a kind."""
    if kind in SUMS:
        digits, op = rng.choice(SUMS[kind])
        if kind == "one-digit sums" and not held_out and rng.random() < 0.02:
            return Asked(PAGE_PROMPT, kind, "sum", "4", ["4", "2 + 2 = 4"])
        made = arithmetic.make_sum(rng, held_out, digits, op)
        return Asked(made.question, kind, "sum", made.answers[0], made.answers)
    if kind == "elsewhere":
        text, sort, answer = elsewhere.elsewhere(rng, held_out)
        right = elsewhere.ANSWERS + ([identity.ENGLISH] if answer == elsewhere.LANGUAGE else [])
        return Asked(text, f"beyond: {sort}", "elsewhere", answer, right)
    intents, weights = _BY_KIND[kind]
    while True:
        intent = rng.choices(intents, weights)[0]
        text = question(intent, rng, held_out)
        if text is not None and _OWNERS.get(normalise(text), intent.id) == intent.id:
            return Asked(text, kind, intent.id, rng.choice(intent.answers), intent.answers + intent.also)


def _misspell(word: str, rng: random.Random) -> str:
    i = rng.randrange(len(word) - 1)
    sort = rng.random()
    if sort < 0.3:
        return word[:i] + word[i + 1] + word[i] + word[i + 2 :]
    if sort < 0.6:
        return word[:i] + word[i + 1 :]
    if sort < 0.8:
        return word[:i] + word[i] + word[i:]
    return word[:i] + rng.choice(_NEIGHBOURS.get(word[i], word[i]) or word[i]) + word[i + 1 :]


def roughen(asked: Asked, rng: random.Random, held_out: bool) -> Asked:
    """The question as people type it: with a word before or after, in lower case, without punctuation, misspelt."""
    text, is_sum = asked.text, asked.id == "sum"
    if text == PAGE_PROMPT:
        return asked
    chatty = asked.kind in ("greeting", "closing", "small talk")
    if not held_out and not is_sum and rng.random() < 0.35 and asked.kind != "beyond: nonsense":
        text = _SYNONYM_PATTERN.sub(lambda m: rng.choice(_SYNONYM_GROUPS[m[0]]) if rng.random() < 0.4 else m[0], text)
    if chatty and not held_out:
        if rng.random() < 0.22:
            text = rng.choice(_OPENERS) + text
        if rng.random() < 0.16:
            text = text.rstrip("?!") + rng.choice(_CLOSERS)
    if not chatty and asked.kind not in ("beyond: nonsense", "beyond: other languages"):
        if not held_out and _ASKS.match(text) and rng.random() < 0.12:
            text = rng.choice(_ASKING) + text
        elif not held_out and _COMMANDS.match(text) and rng.random() < 0.25:
            text = rng.choice(_COMMANDING) + text
            if rng.random() < 0.25:
                text = text.rstrip("?") + " for me"
        if rng.random() < 0.16:
            text = rng.choice(_PREFIXES_HELD_OUT if held_out else _PREFIXES) + text
        if rng.random() < 0.10 and not is_sum:
            text = text.rstrip("?") + rng.choice(_SUFFIXES_HELD_OUT if held_out else _SUFFIXES)
    if rng.random() < 0.12:
        words = re.split(r"(\W+)", text)
        for i, word in enumerate(words):
            if word in _SHORT_FORMS and rng.random() < 0.6 and not (is_sum or word == "to"):
                words[i] = _SHORT_FORMS[word]
        text = "".join(words)
    if rng.random() < (0.04 if is_sum else 0.12):
        words = re.split(r"([^A-Za-z]+)", text)
        long = [i for i, w in enumerate(words) if len(w) > 3 and w.isalpha() and w not in arithmetic.NUMBER_WORDS]
        for i in rng.sample(long, min(len(long), 1 if rng.random() < 0.8 else 2)):
            words[i] = _misspell(words[i], rng)
        text = "".join(words)
    if rng.random() < 0.45:
        text = text.rstrip("?.!") or text
    if rng.random() < 0.15 and not is_sum:
        text = re.sub(r"(?<=[a-z])'(?=[a-z])|,(?= )", "", text)
    case = rng.random()
    if case < 0.40 and text:
        text = text[0].upper() + text[1:]
        for name in ("tee", "tdx", "e2ee", "sgx", "gpu", "tcb", "crl", "api", "bauta", "i", "intel", "ollama", "rtmr", "mrtd", "tls", "vllm", "nvidia", "gguf", "llm"):
            if name in text.lower():
                better = {"bauta": "Bauta", "i": "I", "intel": "Intel", "ollama": "Ollama", "vllm": "vLLM"}.get(name, name.upper())
                text = re.sub(rf"(?<![\w-]){name}(?={'s?' if len(name) > 1 else ''}(?![\w-]))", better, text)
    elif case < (0.415 if held_out else 0.43):
        text = text.upper()
    if rng.random() < 0.02:
        text = text.replace("'", "\u2019")
    if rng.random() < 0.01:
        text = rng.choice([" ", "\n", ""]) + text + rng.choice([" ", "\n", "  "])
    return Asked(text, asked.kind, asked.id, asked.answer, asked.right)


class Generator:
    """Training dialogues without end. ``banned`` are normalised texts that may never be asked."""

    def __init__(self, seed: int, banned: frozenset[str] = frozenset()):
        self.rng = random.Random(seed)
        self.banned = banned
        self.kinds, self.shares = list(SHARES), list(SHARES.values())

    def asked(self) -> Asked:
        while True:
            kind = self.rng.choices(self.kinds, self.shares)[0]
            asked = roughen(ask(kind, self.rng, False), self.rng, False)
            if asked.text.strip() and (kind in SUMS or normalise(asked.text) not in self.banned):
                return asked

    def dialogue(self, long: bool = False) -> Dialogue:
        """A conversation of mostly one turn; a long one has up to some forty."""
        if long:
            return Dialogue(random_system(self.rng, SYSTEM_PROMPTS), [self.asked() for _ in range(self.rng.randrange(15, 44))])
        chance = self.rng.random()
        turns = 1 if chance < 0.70 else 2 if chance < 0.81 else 3 if chance < 0.89 else self.rng.randrange(4, 7) if chance < 0.98 else self.rng.randrange(7, 15)
        return Dialogue(random_system(self.rng, SYSTEM_PROMPTS), [self.asked() for _ in range(turns)])


def random_system(rng: random.Random, prompts: list[str]) -> str | None:
    return rng.choice(prompts) if rng.random() < 0.2 else None


def held_out(seed: int, per_kind: int) -> list[dict]:
    """Questions in wordings and with numbers that training never sees. One in four stands in a conversation."""
    rng = random.Random(seed)
    history = Generator(seed + 1)
    out: list[dict] = []
    for kind in SHARES:
        seen: set[str] = set()
        wanted = per_kind * 4 if kind == "elsewhere" else per_kind
        tries = 0
        while len(seen) < wanted and tries < wanted * 50:
            tries += 1
            asked = roughen(ask(kind, rng, True), rng, True)
            if not asked.text.strip() or asked.text in seen:
                continue
            seen.add(asked.text)
            dialogue = Dialogue(random_system(rng, SYSTEM_PROMPTS_HELD_OUT))
            if rng.random() < 0.25:
                dialogue.turns = [history.asked() for _ in range(rng.randrange(1, 5))]
            dialogue.turns.append(asked)
            out.append({"kind": asked.kind, "id": asked.id, "messages": dialogue.messages(), "right": asked.right})
    return out


def banned_texts(questions: list[dict]) -> frozenset[str]:
    return frozenset(normalise(q["messages"][-1]["content"]) for q in questions)


if __name__ == "__main__":
    generator = Generator(1)
    for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 10):
        dialogue = generator.dialogue()
        if dialogue.system is not None:
            print(f"system: {dialogue.system}")
        for turn in dialogue.turns:
            print(f"> {turn.text}\n  {turn.answer}")
        print()
