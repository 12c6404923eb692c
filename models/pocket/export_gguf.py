"""Writes the trained model as one GGUF file that llama.cpp runs."""

import gguf
import torch

from model import Pocket
from tokenizer import ASSISTANT, BEGIN, END, SPECIAL, UNKNOWN, Tokenizer

CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}<|assistant|>{% elif message['role'] == 'system' or message['role'] == 'developer' %}<|system|>{% else %}<|user|>{% endif %}"
    "{{ message['content'] }}<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
# Greedy answers stay the same. With a temperature of 0.8, which engines use by default, words become surer.
SHARPEN = 1.4
TYPES = {"f16": gguf.GGMLQuantizationType.F16, "q8_0": gguf.GGMLQuantizationType.Q8_0}


def export(model: Pocket, tokenizer: Tokenizer, path: str, kind: str = "q8_0") -> None:
    c = model.config
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("Bauta pocket model")
    writer.add_description("A tiny chat model trained from random weights on generated text; see models/pocket/README.md")
    writer.add_license("apache-2.0")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16 if kind == "f16" else gguf.LlamaFileType.MOSTLY_Q8_0)
    writer.add_context_length(c.context)
    writer.add_embedding_length(c.width)
    writer.add_block_count(c.layers)
    writer.add_feed_forward_length(c.feed_forward)
    writer.add_head_count(c.heads)
    writer.add_head_count_kv(c.heads)
    writer.add_layer_norm_rms_eps(c.epsilon)
    writer.add_rope_dimension_count(c.width // c.heads)
    writer.add_rope_freq_base(c.rope_base)
    writer.add_vocab_size(c.vocabulary)

    types = [gguf.TokenType.UNKNOWN] + [gguf.TokenType.CONTROL] * (len(SPECIAL) - 1) + [gguf.TokenType.BYTE] * 256
    types += [gguf.TokenType.NORMAL] * (len(tokenizer) - len(types))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokenizer.tokens)
    writer.add_token_scores(tokenizer.scores)
    writer.add_token_types(types)
    writer.add_unk_token_id(UNKNOWN)
    writer.add_bos_token_id(BEGIN)
    writer.add_eos_token_id(END)
    writer.add_eot_token_id(END)
    writer.add_pad_token_id(END)
    writer.add_add_bos_token(True)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(CHAT_TEMPLATE)

    def add(name: str, tensor: torch.Tensor) -> None:
        data = tensor.detach().float().cpu().numpy()
        if data.ndim == 1:
            writer.add_tensor(f"{name}.weight", data)
            return
        quantised = gguf.quants.quantize(data, TYPES[kind])
        writer.add_tensor(f"{name}.weight", quantised, raw_dtype=TYPES[kind])

    add("token_embd", model.token_embd.weight)
    add("output_norm", model.output_norm * SHARPEN)
    for i, layer in enumerate(model.blk):
        q, k, v = layer.attn_qkv.weight.chunk(3)
        gate, up = layer.ffn_gate_up.weight.chunk(2)
        add(f"blk.{i}.attn_norm", layer.attn_norm)
        add(f"blk.{i}.attn_q", q)
        add(f"blk.{i}.attn_k", k)
        add(f"blk.{i}.attn_v", v)
        add(f"blk.{i}.attn_output", layer.attn_output.weight)
        add(f"blk.{i}.ffn_norm", layer.ffn_norm)
        add(f"blk.{i}.ffn_gate", gate)
        add(f"blk.{i}.ffn_up", up)
        add(f"blk.{i}.ffn_down", layer.ffn_down.weight)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


__all__ = ["export", "CHAT_TEMPLATE", "ASSISTANT"]
