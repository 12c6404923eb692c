"""Compares our tokenizer with llama.cpp's on many conversations: a model must read what it was taught to read.

python models/pocket/check_tokenizer.py [MODEL.gguf]
"""

import json
import random
import subprocess
import sys
from pathlib import Path

from gguf import GGUFReader

from corpus import Generator
from tokenizer import ASSISTANT, BEGIN, END, ROLES, SPECIAL, Tokenizer

HERE = Path(__file__).resolve().parent
ODD = ["", " ", "  two  spaces ", "tabs\tand\nlines\n\n", "<|end|>", "<|user|>x", "<s></s><0x41>", "caf\u00e9 na\u00efve \u4f60\u597d \U0001f3ad", "a_b-c.d/e", "x" * 300, "it's 12,345.67!", "\u2581under", "AbCdEf GHI jklM"]


def read_tokenizer(path: str) -> Tokenizer:
    field = GGUFReader(path).fields["tokenizer.ggml.tokens"]
    tokens = [bytes(field.parts[i]).decode() for i in field.data]
    return Tokenizer(tokens[len(SPECIAL) + 256 :])


def main(path: str) -> int:
    tokenizer = read_tokenizer(path)
    rng, generator = random.Random(7), Generator(7)
    conversations = [q["messages"] for q in json.loads((HERE / "heldout.json").read_text())]
    conversations += [generator.dialogue().messages() for _ in range(1500)]
    conversations += [[{"role": "user", "content": text}] for text in ODD]
    printable = [chr(c) for c in range(0x20, 0x7F)] + list("\u00e4\u00e9\u4f60\U0001f3ad\n")
    conversations += [[{"role": "user", "content": "".join(rng.choices(printable, k=rng.randrange(1, 60)))}] for _ in range(500)]
    lines = "\n".join(json.dumps(c) for c in conversations)
    out = subprocess.run(["node", str(HERE / "tokenize.mjs"), path], input=lines, capture_output=True, text=True, check=True).stdout
    different = 0
    for messages, line in zip(conversations, out.splitlines(), strict=True):
        ours = [BEGIN]
        for message in messages:
            ours += [ROLES[message["role"]], *tokenizer.encode(message["content"]), END]
        ours.append(ASSISTANT)
        theirs = json.loads(line)
        if ours != theirs:
            different += 1
            if different <= 5:
                print(f"different: {messages[-1]['content']!r}\n  ours   {ours}\n  theirs {theirs}")
    print(f"{len(conversations) - different} of {len(conversations)} conversations have the same tokens in llama.cpp")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else str(HERE / "pocket.gguf")))
