"""Makes the pocket model from nothing: text, vocabulary, weights, GGUF file.

    python models/pocket/train.py                 # the shipped model: fixed seed, fixed number of steps
    python models/pocket/train.py --minutes 10    # as good as ten minutes allow
"""

import argparse
import json
import math
import random
import time
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F

from corpus import Dialogue, Generator, banned_texts, held_out
from export_gguf import export
from model import Config, Pocket
from tokenizer import ASSISTANT, BEGIN, END, ROLES, Tokenizer

HERE = Path(__file__).resolve().parent
HELD_OUT_PER_KIND = 150
VOCABULARY = 1536
WARM_UP_STEPS = 150
POOL = 1024
"""Dialogues that are sorted by length before they are cut into batches."""


@dataclass(frozen=True)
class Stage:
    """Part of the training, with a schedule of its own."""

    steps: int
    learning_rate: float
    batch_tokens: int
    longest: int
    """Tokens of one dialogue."""
    long_share: float
    """Dialogues that fill the context."""


STAGES = [
    Stage(steps=9000, learning_rate=3e-3, batch_tokens=2560, longest=640, long_share=0),
    # The last message must be found behind a long conversation too.
    Stage(steps=1200, learning_rate=1e-3, batch_tokens=4096, longest=2000, long_share=0.02),
]
SUM_WEIGHT = 3.0
BEGINNING, BEGINNING_WEIGHT = 6, 2.0
"""An answer's first tokens decide which answer it is; the rest is soon known by heart."""
CUT = 14


def encode(dialogue: Dialogue, tokenizer: Tokenizer, rng: random.Random, context: int, longest: int) -> tuple[list[int], list[int], list[int], list[float]]:
    """Tokens, their positions, the token to be learnt after each (-1 for none), and how much it counts.

    Some dialogues get gaps between their turns, so that short text teaches distances of long conversations.
    """
    tokens, positions, labels, weights = [BEGIN], [0], [-1], [0.0]
    dropout = 0.1 if rng.random() < 0.15 else 0.0
    gaps = 1 < len(dialogue.turns) < 15 and rng.random() < 0.4
    room = context - longest

    def say(role: str, text: str, learnt: bool = False, is_sum: bool = False, cut: bool = False) -> None:
        nonlocal room
        said = tokenizer.encode(text, 0.0 if learnt else dropout, rng) + [END]
        if cut:
            said = said[:CUT]
        gap = 0
        if gaps and role == "user" and rng.random() < 0.5:
            gap = int(room * rng.random() ** 3)
            room -= gap
        start = positions[-1] + 1 + gap
        tokens.extend([ROLES[role], *said])
        labels.extend(said + [-1] if learnt else [-1] * (len(said) + 1))
        weights.extend([SUM_WEIGHT if is_sum else BEGINNING_WEIGHT if i < BEGINNING else 1.0 for i in range(len(said) + 1)])
        positions.extend(range(start, start + len(said) + 1))

    if dialogue.system is not None:
        say("system", dialogue.system)
    for turn in dialogue.turns:
        say("user", turn.text)
        is_sum = turn.id == "sum"
        # Saves time: the ends of answers are learnt well enough from the other half.
        say("assistant", turn.answer, True, is_sum, turn is dialogue.turns[-1] and not is_sum and rng.random() < 0.5)
    return tokens[:longest], positions[:longest], labels[:longest], weights[:longest]


def batches(generator: Generator, tokenizer: Tokenizer, context: int, stage: Stage):
    rng = generator.rng
    while True:
        dialogues = (generator.dialogue(stage.long_share > 0 and rng.random() < stage.long_share) for _ in range(POOL))
        encoded = (encode(dialogue, tokenizer, rng, context, stage.longest) for dialogue in dialogues)
        # A dialogue whose questions fill the room teaches nothing.
        pool = sorted((d for d in encoded if max(d[2]) >= 0), key=lambda d: len(d[0]))
        cut: list[list] = []
        batch: list = []
        for dialogue in pool:
            if batch and len(dialogue[0]) * (len(batch) + 1) > stage.batch_tokens:
                cut.append(batch)
                batch = []
            batch.append(dialogue)
        cut.append(batch)
        rng.shuffle(cut)
        for batch in cut:
            longest = max(len(d[0]) for d in batch)
            yield tuple(torch.tensor([d[part] + [fill] * (longest - len(d[part])) for d in batch]) for part, fill in ((0, END), (1, 0), (2, -1), (3, 0.0)))


def make_tokenizer(seed: int, banned: frozenset[str]) -> Tokenizer:
    generator = Generator(seed, banned)
    texts = []
    for _ in range(30_000):
        asked = generator.asked()
        texts += [asked.text, asked.answer]
    return Tokenizer.train(texts, VOCABULARY)


def run(stage: Stage, model: Pocket, tokenizer: Tokenizer, generator: Generator, minutes: float | None) -> None:
    device = model.output_norm.device
    decayed = [p for n, p in model.named_parameters() if p.dim() == 2 and "embd" not in n]
    others = [p for n, p in model.named_parameters() if not (p.dim() == 2 and "embd" not in n)]
    groups = [{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=stage.learning_rate, betas=(0.9, 0.98), fused=True)
    source = batches(generator, tokenizer, model.config.context, stage)
    started, step, seen, average, done = time.monotonic(), 0, 0, None, 0.0
    while done < 1:
        tokens, positions, labels, weights = (t.to(device) for t in next(source))
        done = (step + 1) / stage.steps
        if minutes is not None:
            done = max(done, (time.monotonic() - started) / (60 * minutes))
        rate = stage.learning_rate * min(1, (step + 1) / WARM_UP_STEPS) * max(0.01, 0.5 * (1 + math.cos(math.pi * min(1, done))))
        for group in optimizer.param_groups:
            group["lr"] = rate
        wanted = labels >= 0
        losses = F.cross_entropy(model(tokens, positions, wanted), labels[wanted], reduction="none")
        loss = (losses * weights[wanted]).sum() / weights[wanted].sum()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
        seen += tokens.numel()
        average = loss.item() if average is None else 0.98 * average + 0.02 * loss.item()
        if step % 100 == 0 or done >= 1:
            print(f"step {step}  {done:4.0%}  loss {average:.4f}  rate {rate:.1e}  {seen / 1e6:.1f}M tokens  {(time.monotonic() - started) / 60:.1f} min", flush=True)


def train(args: argparse.Namespace) -> None:
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    started = time.monotonic()
    questions = held_out(args.seed + 1000, HELD_OUT_PER_KIND)
    (HERE / "heldout.json").write_text("[\n" + ",\n".join(json.dumps(q) for q in questions) + "\n]\n")
    banned = banned_texts(questions)
    tokenizer = make_tokenizer(args.seed + 1, banned)
    model = Pocket(Config(vocabulary=len(tokenizer)))
    model.relate(tokenizer.tokens)
    model.to(torch.device(args.device))
    print(f"{len(questions)} held-out questions, {len(tokenizer)} tokens, {model.parameter_count:,} parameters", flush=True)

    first = 0
    if args.resume:
        first = int(Path(args.resume).suffix[1:])
        model.load_state_dict(torch.load(args.resume))
    steps = sum(stage.steps for stage in STAGES)
    for number in range(first, len(STAGES)):
        stage = STAGES[number]
        minutes = None if args.minutes is None else args.minutes * stage.steps / steps
        run(stage, model, tokenizer, Generator(args.seed + 2 + number, banned), minutes)
        export(model, tokenizer, args.out, args.type)
        if args.checkpoint:
            torch.save(model.state_dict(), f"{args.checkpoint}.{number + 1}")
    print(f"wrote {args.out}: {Path(args.out).stat().st_size / 1e6:.2f} MB after {(time.monotonic() - started) / 60:.1f} minutes", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", default=str(HERE / "pocket.gguf"))
    parser.add_argument("--type", choices=["q8_0", "f16"], default="q8_0")
    parser.add_argument("--minutes", type=float, help="a time budget; the result then depends on the machine")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu", help="cuda, where there is a GPU")
    parser.add_argument("--checkpoint", help="also write FILE.1 and FILE.2, the weights after each stage")
    parser.add_argument("--resume", help="FILE.1: go on after the first stage")
    train(parser.parse_args())
