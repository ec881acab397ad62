"""A tiny Llama as a GGUF file that llama.cpp can read text with: words and all single bytes, random weights.

One feature of its hidden states is the same whatever is read, and the output matrix reads off it how likely each kind of token is:
bytes and beginnings of words, which the tokenizer needs and nobody wants to read, never come, words often, the end sometimes.
"""

import numpy as np

WORDS = ("red", "green", "blue", "apple", "pear", "one", "two", "three", "four", ".", "\n", "\n\n")
HIDDEN, HEADS, FEED, CONTEXT = 32, 2, 32, 2048
UNKNOWN, CONTROL, NORMAL, BYTE = 2, 3, 1, 6


def write(path, seed=0):
    """Write the file."""
    from gguf import GGMLQuantizationType, GGUFWriter

    dice = np.random.default_rng(seed)
    pieces = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    kinds = [UNKNOWN, CONTROL, CONTROL] + [BYTE] * 256
    words = [f"▁{word}" if word.strip() else word for word in WORDS]
    begun = sorted({word[:length] for word in words for length in range(2, len(word))} - {*words})
    pieces += words + begun  # the tokenizer puts words together letter by letter
    kinds += [NORMAL] * (len(words) + len(begun))
    scores = [0.0] * 259 + [float(len(piece)) for piece in words + begun]
    count = len(pieces)

    writer = GGUFWriter(path, "llama")
    writer.add_name("bytes-and-words")
    writer.add_file_type(0)
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(HIDDEN)
    writer.add_block_count(1)
    writer.add_feed_forward_length(FEED)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(HIDDEN // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(count)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(pieces)
    writer.add_token_scores(scores)
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)

    def normal(*shape):
        return dice.normal(size=shape).astype(np.float32)

    embedding, output = normal(count, HIDDEN), normal(count, HIDDEN) / 2
    embedding[:, 0] = 8.0  # the feature that is always there
    output[:, 0] = [-9.0] * 259 + [1.0] * len(words) + [-9.0] * len(begun)
    output[2, 0] = 0.6  # the end
    tensors = {
        "token_embd.weight": embedding,
        "output.weight": output,
        "output_norm.weight": np.ones(HIDDEN, np.float32),
    }
    for name, shape in {
        "attn_q": (HIDDEN, HIDDEN),
        "attn_k": (HIDDEN, HIDDEN),
        "attn_v": (HIDDEN, HIDDEN),
        "attn_output": (HIDDEN, HIDDEN),
        "ffn_gate": (FEED, HIDDEN),
        "ffn_up": (FEED, HIDDEN),
        "ffn_down": (HIDDEN, FEED),
    }.items():
        matrix = normal(*shape) / np.sqrt(HIDDEN)
        if name in ("attn_output", "ffn_down"):
            matrix[0] = 0.0  # nothing is added to it
        tensors[f"blk.0.{name}.weight"] = matrix
    for name in ("attn_norm", "ffn_norm"):
        tensors[f"blk.0.{name}.weight"] = np.ones(HIDDEN, np.float32)
    for name, tensor in tensors.items():
        writer.add_tensor(name, np.ascontiguousarray(tensor, np.float32), raw_dtype=GGMLQuantizationType.F32)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
