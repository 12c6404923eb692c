"""A llama in small: RMS norm, rotary positions, SwiGLU, tied embeddings. Names follow GGUF's."""

from dataclasses import asdict, dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F


@dataclass(frozen=True)
class Config:
    vocabulary: int
    width: int = 192
    layers: int = 4
    heads: int = 6
    feed_forward: int = 512
    context: int = 2048
    rope_base: float = 10_000.0
    epsilon: float = 1e-5

    def dict(self) -> dict:
        return asdict(self)


class Layer(nn.Module):
    def __init__(self, c: Config):
        super().__init__()
        self.heads = c.heads
        self.epsilon = c.epsilon
        self.attn_norm = nn.Parameter(torch.ones(c.width))
        self.attn_qkv = nn.Linear(c.width, 3 * c.width, bias=False)
        self.attn_output = nn.Linear(c.width, c.width, bias=False)
        self.ffn_norm = nn.Parameter(torch.ones(c.width))
        self.ffn_gate_up = nn.Linear(c.width, 2 * c.feed_forward, bias=False)
        self.ffn_down = nn.Linear(c.feed_forward, c.width, bias=False)

    def forward(self, x: torch.Tensor, turn: torch.Tensor) -> torch.Tensor:
        batch, length, width = x.shape
        qkv = self.attn_qkv(F.rms_norm(x, (width,), self.attn_norm, self.epsilon)).view(batch, length, 3, self.heads, -1)
        qk, v = qkv.split([2, 1], 2)
        q, k = rotate(qk, turn).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v.squeeze(2).transpose(1, 2), is_causal=True)
        x = x + self.attn_output(y.transpose(1, 2).reshape(batch, length, width))
        gate, up = self.ffn_gate_up(F.rms_norm(x, (width,), self.ffn_norm, self.epsilon)).chunk(2, -1)
        return x + self.ffn_down(F.silu(gate) * up)


def rotate(x: torch.Tensor, turn: torch.Tensor) -> torch.Tensor:
    """Rotates neighbouring pairs, as llama.cpp does for this architecture."""
    pairs = torch.view_as_complex(x.unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * turn).flatten(-2)


class Pocket(nn.Module):
    def __init__(self, c: Config):
        super().__init__()
        self.config = c
        self.token_embd = nn.Embedding(c.vocabulary, c.width)
        self.blk = nn.ModuleList(Layer(c) for _ in range(c.layers))
        self.output_norm = nn.Parameter(torch.ones(c.width))
        half = c.width // c.heads // 2
        self.register_buffer("frequencies", c.rope_base ** (-torch.arange(half).float() / half), persistent=False)
        for name, p in self.named_parameters():
            if p.dim() == 2:
                deep = name.endswith(("attn_output.weight", "ffn_down.weight"))
                nn.init.normal_(p, std=0.02 if name.startswith("token_embd") else (1 / c.width) ** 0.5 * (0.5 / c.layers**0.5 if deep else 0.7))

    def forward(self, tokens: torch.Tensor, positions: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
        """Logits at the places where ``wanted`` is true only: most of a dialogue is not learnt."""
        angle = positions[:, :, None, None, None].float() * self.frequencies
        turn = torch.polar(torch.ones_like(angle), angle)
        x = self.token_embd(tokens)
        for layer in self.blk:
            x = layer(x, turn)
        x = F.rms_norm(x[wanted], (self.config.width,), self.output_norm, self.config.epsilon)
        return x @ self.token_embd.weight.T

    def relate(self, texts: list[str]) -> None:
        """Starts pieces that are spelled alike (other case, with or without a space) with alike embeddings.

        ``texts`` are the pieces' texts, one for each token. The model then need not learn each spelling by itself.
        """
        drawn: dict[str, torch.Tensor] = {}

        def vector(key: str) -> torch.Tensor:
            return drawn.setdefault(key, torch.randn(self.config.width))

        with torch.no_grad():
            for i, text in enumerate(texts):
                word = text.lower().lstrip("\u2581")
                if not word.isalpha():
                    continue
                grams = [f"^{word}$"[j : j + 3] for j in range(len(word))]
                related = vector(word) + 0.7 * sum(map(vector, grams)) / len(grams) ** 0.5 + 0.3 * torch.randn(self.config.width)
                self.token_embd.weight[i] = 0.02 * related / related.std()

    @property
    def parameter_count(self) -> int:
        return sum(p.numel() for p in self.parameters())
