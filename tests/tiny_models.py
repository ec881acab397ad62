"""Tiny models of real architectures with random weights, saved as Hugging Face folders, and a tokenizer of words and letters."""

import json

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<extra_0>"]
SIZES = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
}


def tokenizer(template=CHATML, words=()):
    """A byte-level BPE tokenizer: all bytes, a few merges, Qwen's special tokens; `words` are tokens of their own."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("Ġ", "t"), ("h", "e"), ("Ġt", "he"), ("i", "s"), ("Ġ", "is"), ("a", "n")]
    vocabulary = {piece: number for number, piece in enumerate([*letters, *("".join(pair) for pair in merges)])}
    built = Tokenizer(models.BPE(vocabulary, merges))
    built.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    built.decoder = decoders.ByteLevel()
    built.add_special_tokens(SPECIAL)
    built.add_tokens(list(words))
    made = PreTrainedTokenizerFast(
        tokenizer_object=built, eos_token="<|im_end|>", pad_token="<|endoftext|>", clean_up_tokenization_spaces=False
    )
    made.chat_template = template
    return made


def save(folder, model, made, config=None, extra=None):
    """Save a model and its tokenizer; `config` changes the configuration's fields, `extra` adds tensors to the weights."""
    from safetensors.torch import load_file, save_file

    model.save_pretrained(folder)
    made.save_pretrained(folder)
    if config:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | config))
    if extra:
        path = folder / "model.safetensors"
        save_file(load_file(path) | extra, path, metadata={"format": "pt"})
    return folder


def qwen(kind="Qwen2ForCausalLM", vocabulary=300, seed=0, **more):
    """A Qwen2 of a kind, with weights large enough that it is far from uniform."""
    import torch
    import transformers

    torch.manual_seed(seed)
    config = transformers.Qwen2Config(vocab_size=vocabulary, initializer_range=0.4, **SIZES, **more)
    return getattr(transformers, kind)(config).eval()
