"""A small word-piece vocabulary with byte fallback, and an encoder that does what llama.cpp's "llama" tokenizer does.

Pieces never cross a word's border: a word with the space before it, a digit or a sign. Digits are always single.
"""

import heapq
import json
import random
import re
from collections import Counter

SPACE = "\u2581"
UNKNOWN, BEGIN, END, SYSTEM, USER, ASSISTANT = range(6)
SPECIAL = ["<unk>", "<s>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
ROLES = {"system": SYSTEM, "user": USER, "assistant": ASSISTANT}
_FIRST_BYTE = len(SPECIAL)
_WORD = re.compile(rf"{SPACE}?[A-Za-z]+|{SPACE}?[^A-Za-z0-9{SPACE}]|[0-9]|{SPACE}")


def _pieces(text: str) -> list[str]:
    return _WORD.findall(text.replace(" ", SPACE))


class Tokenizer:
    def __init__(self, pieces: list[str]):
        """``pieces`` in the order in which they were merged: an earlier one is merged first."""
        self.tokens = SPECIAL + [f"<0x{byte:02X}>" for byte in range(256)] + pieces
        first = _FIRST_BYTE + 256
        self.ids = {piece: first + i for i, piece in enumerate(pieces)}
        self.scores = [0.0] * first + [-float(i + 1) for i in range(len(pieces))]
        self._cache: dict[str, list[int]] = {}

    def __len__(self) -> int:
        return len(self.tokens)

    @classmethod
    def train(cls, texts: list[str], size: int) -> "Tokenizer":
        """Byte-pair encoding over whole words."""
        counts = Counter(piece for text in texts for piece in _pieces(text))
        words = [(list(word), count) for word, count in counts.items()]
        alphabet = [SPACE] + [chr(code) for code in range(0x21, 0x7F)]
        pieces = [] + alphabet
        known = set(pieces)
        pairs: Counter = Counter()
        where: dict[tuple[str, str], set[int]] = {}
        for index, (symbols, count) in enumerate(words):
            for pair in zip(symbols, symbols[1:]):
                pairs[pair] += count
                where.setdefault(pair, set()).add(index)
        merges: list[str] = []
        while len(merges) + len(alphabet) + _FIRST_BYTE + 256 < size and pairs:
            (left, right), count = max(pairs.items(), key=lambda item: (item[1], item[0]))
            if count < 2:
                break
            merged = left + right
            for index in list(where[left, right]):
                symbols, times = words[index]
                for pair in zip(symbols, symbols[1:]):
                    pairs[pair] -= times
                i, new = 0, []
                while i < len(symbols):
                    if i + 1 < len(symbols) and symbols[i] == left and symbols[i + 1] == right:
                        new.append(merged)
                        i += 2
                    else:
                        new.append(symbols[i])
                        i += 1
                words[index] = (new, times)
                for pair in zip(new, new[1:]):
                    pairs[pair] += times
                    where.setdefault(pair, set()).add(index)
            del pairs[left, right]
            pairs = +pairs
            if merged not in known and all(ord(c) < 0x7F or c == SPACE for c in merged):
                known.add(merged)
                merges.append(merged)
        # Merged pieces come first, so that their scores are the higher ones; single characters are never the result of a merge.
        return cls(merges + alphabet)

    def _encode_piece(self, piece: str, dropout: float = 0.0, rng: random.Random | None = None) -> list[int]:
        symbols: list[str | None] = list(piece)
        following = list(range(1, len(symbols))) + [-1]
        previous = [i - 1 for i in range(len(symbols))]
        queue: list[tuple[float, int, int, str]] = []

        def offer(left: int, right: int) -> None:
            if left < 0 or right < 0:
                return
            text = symbols[left] + symbols[right]
            token = self.ids.get(text)
            if token is not None and not (dropout and rng.random() < dropout):
                heapq.heappush(queue, (-self.scores[token], left, right, text))

        for i in range(len(symbols) - 1):
            offer(i, i + 1)
        while queue:
            _, left, right, text = heapq.heappop(queue)
            if symbols[left] is None or symbols[right] is None or symbols[left] + symbols[right] != text:
                continue
            symbols[left], symbols[right] = text, None
            following[left] = following[right]
            if following[left] >= 0:
                previous[following[left]] = left
            offer(previous[left], left)
            offer(left, following[left])
        out: list[int] = []
        for symbol in symbols:
            if symbol is None:
                continue
            token = self.ids.get(symbol)
            out += [token] if token is not None else [_FIRST_BYTE + byte for byte in symbol.encode()]
        return out

    def encode(self, text: str, dropout: float = 0.0, rng: random.Random | None = None) -> list[int]:
        """``dropout`` leaves out some merges, so that the model sees words in other pieces too."""
        out: list[int] = []
        for piece in _pieces(text):
            if dropout:
                out += self._encode_piece(piece, dropout, rng)
                continue
            found = self._cache.get(piece)
            if found is None:
                found = self._encode_piece(piece)
                if len(self._cache) < 200_000:
                    self._cache[piece] = found
            out += found
        return out

    def decode(self, tokens: list[int]) -> str:
        data = b""
        for token in tokens:
            if _FIRST_BYTE <= token < _FIRST_BYTE + 256:
                data += bytes([token - _FIRST_BYTE])
            elif token >= _FIRST_BYTE + 256:
                data += self.tokens[token].replace(SPACE, " ").encode()
        return data.decode(errors="replace")

    def save(self, path: str) -> None:
        with open(path, "w") as file:
            json.dump(self.tokens[_FIRST_BYTE + 256 :], file)

    @classmethod
    def load(cls, path: str) -> "Tokenizer":
        with open(path) as file:
            return cls(json.load(file))
