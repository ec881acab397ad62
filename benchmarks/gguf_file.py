"""A model folder (Llama, safetensors, word-level tokenizer) as one GGUF file in float32, for llama.cpp.

The tensors are the folder's own, under llama.cpp's names; no number is changed. Only the rows of the query and key matrices
change places: a Hugging Face Llama rotates feature i of a head together with feature i + half, llama.cpp rotates features
2i and 2i + 1 (the "normal" rotary embedding of its `llama` architecture). The vocabulary is written as SentencePiece pieces, one
a word; prompts are given to llama.cpp as token ids, so that its tokenizer has no say.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file

from outlay.models.embedded import LlamaShape, load_weights

Float32 = npt.NDArray[np.float32]

NAMES = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
CONTROL, NORMAL = 3, 1  # kinds of token in a GGUF file


def gguf_name(name: str) -> str:
    """llama.cpp's name of a Hugging Face tensor.

    >>> gguf_name("model.layers.2.mlp.up_proj.weight")
    'blk.2.ffn_up.weight'
    """
    stem = name.removesuffix(".weight")
    if stem.startswith("model.layers."):
        layer, _, part = stem.removeprefix("model.layers.").partition(".")
        return f"blk.{layer}.{NAMES[part]}.weight"
    return f"{NAMES[stem]}.weight"


def interleaved(matrix: Float32, heads: int) -> Float32:
    """The rows [heads * head_size, d] with features (i, i + half) of each head made neighbours (2i, 2i + 1)."""
    rows, width = matrix.shape
    halves = matrix.reshape(heads, 2, rows // heads // 2, width)
    return np.ascontiguousarray(halves.transpose(0, 2, 1, 3).reshape(rows, width))


def write_gguf(folder: Path, path: Path) -> None:
    """Convert the model in `folder` to the GGUF file `path`."""
    from gguf import GGMLQuantizationType, GGUFWriter

    weights = load_weights(folder)
    shape, words = weights.shape, weights.tokenizer.words
    writer = GGUFWriter(path, "llama")
    writer.add_name(weights.name)
    writer.add_file_type(0)  # all float32
    writer.add_context_length(shape.positions)
    writer.add_embedding_length(shape.hidden)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.intermediate)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.key_value_heads)
    writer.add_key_length(shape.head_size)
    writer.add_value_length(shape.head_size)
    writer.add_rope_dimension_count(shape.head_size)
    writer.add_rope_freq_base(shape.rotary_base)
    writer.add_layer_norm_rms_eps(shape.norm_epsilon)
    writer.add_vocab_size(shape.vocabulary)
    writer.add_tokenizer_model("llama")
    writer.add_token_list([f"▁{word}" if word else f"[unused{i}]" for i, word in enumerate(words)])
    writer.add_token_scores([0.0] * len(words))
    end = weights.end_token
    writer.add_token_types([CONTROL if i == end else NORMAL for i in range(len(words))])
    if end is not None:
        writer.add_eos_token_id(end)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(False)
    writer.add_add_space_prefix(False)
    for name, tensor in load_file(folder / "model.safetensors").items():
        writer.add_tensor(
            gguf_name(name), in_place(name, tensor.astype(np.float32), shape), raw_dtype=GGMLQuantizationType.F32
        )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def in_place(name: str, tensor: Float32, shape: LlamaShape) -> Float32:
    """The tensor with its rows where llama.cpp expects them."""
    if "q_proj" in name:
        return interleaved(tensor, shape.heads)
    if "k_proj" in name:
        return interleaved(tensor, shape.key_value_heads)
    return tensor
