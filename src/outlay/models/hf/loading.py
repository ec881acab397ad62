"""Finding and reading a Hugging Face folder: configuration, tokenizer, weights, device.

Weights are read from safetensors alone, and no code of the folder is run.
"""

from __future__ import annotations

import json
import logging
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from outlay.errors import OutlayError, UserError

log = logging.getLogger(__name__)

FILES = ["*.json", "*.safetensors", "*.model", "*.txt", "*.jinja"]
"""What is fetched of a model that is named by its identifier on the hub."""


def check_installed(what: str) -> None:
    """Raises UserError where torch or transformers is missing."""
    absent = [name for name in ("torch", "transformers") if find_spec(name) is None]
    if absent:
        raise UserError(f'{what} needs {" and ".join(absent)}: install with pip install "outlay[hf]"')


def folder_of(name: str) -> Path:
    """The folder that `name` points to, or the local copy of the model with that identifier on the hub.

    Raises UserError where there is no such folder or identifier, or no model in it.
    """
    if not name:
        raise UserError("hf: names no model: write hf:FOLDER, or hf:ORGANISATION/NAME for one of the Hugging Face hub")
    path = Path(name).expanduser()
    if path.is_dir():
        return checked(path)
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise UserError(f"there is no folder {name}: write hf:FOLDER, or hf:ORGANISATION/NAME for one of the hub")
    return checked(_from_hub(name))


def checked(folder: Path) -> Path:
    """The folder, if there is a model in it that can be read."""
    if not (folder / "config.json").is_file():
        raise UserError(f"{folder} is no model folder: there is no config.json in it")
    if not any(folder.glob("*.safetensors")):
        raise UserError(
            f"{folder} has no weights in safetensors: other formats (pytorch_model.bin) can run code when they are read and are "
            "refused; save it again with save_pretrained(..., safe_serialization=True)"
        )
    return folder


def _from_hub(identifier: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(identifier, allow_patterns=FILES))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = " ".join(str(error).split())[:160]
        raise UserError(
            f'"{identifier}" is neither a folder here nor a model that the hub gives ({reason}): mend the name, or download it '
            "elsewhere and name its folder"
        ) from None


def config_of(folder: Path) -> dict[str, Any]:
    """The content of the folder's config.json."""
    try:
        content = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{folder / 'config.json'} cannot be read ({error}): restore the file") from None
    if not isinstance(content, dict):
        raise UserError(f"{folder / 'config.json'} holds no configuration: it should be one JSON object")
    return content


def card_of(folder: Path) -> dict[str, Any]:
    """What `outlay.json` says of a folder of the lab; empty where it is of another origin."""
    path = folder / "outlay.json"
    content = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return content if isinstance(content, dict) else {}


def read_tokenizer(folder: Path) -> Any:
    """The folder's tokenizer."""
    import transformers

    try:
        return transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # noqa: BLE001 a damaged file may raise anything in a reader
        raise UserError(f"the tokenizer in {folder} cannot be read ({_short(error)}): restore its files") from None


def read_model(folder: Path, kind: str, **options: Any) -> Any:
    """The folder's weights as a model of transformers' class `kind` (`AutoModelForCausalLM`), ready to be read with.

    It is on a GPU where there is one, in the precision it was saved in; on a CPU in float32.
    """
    import torch
    import transformers

    device = device_name()
    dtype = torch.float32 if device == "cpu" else "auto"
    level = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        model = getattr(transformers, kind).from_pretrained(
            folder, dtype=dtype, local_files_only=True, trust_remote_code=False, **options
        )
    except Exception as error:  # noqa: BLE001 as above
        raise UserError(f"the model in {folder} cannot be read as {kind} ({_short(error)})") from None
    finally:
        transformers.logging.set_verbosity(level)
    return model.to(device).eval()


def device_name() -> str:
    """What torch computes on: cuda or cpu."""
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def tensor_names(folder: Path) -> set[str]:
    """The names of all tensors of a folder."""
    from safetensors import safe_open

    names: set[str] = set()
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="numpy") as weights:
            names.update(weights.keys())
    return names


def tensors_named(folder: Path, beginnings: tuple[str, ...]) -> dict[str, Any]:
    """The tensors whose names begin so, as torch tensors in float32, by name."""
    import torch
    from safetensors import SafetensorError, safe_open

    found = {}
    for file in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(file, framework="pt") as weights:
                for name in weights.keys():  # noqa: SIM118 it is no dictionary
                    if name.startswith(beginnings):
                        found[name] = weights.get_tensor(name).to(torch.float32)
        except SafetensorError as error:
            raise UserError(f"{file} cannot be read ({_short(error)}): restore the file") from None
    return found


def context_of(model: Any) -> int:
    """The longest text that a model can read, in tokens."""
    longest = getattr(model.config, "max_position_embeddings", None)
    return int(longest) if longest else 1 << 20


def out_of_memory(error: BaseException) -> OutlayError | None:
    """The sentence about memory that ran out, where that is what an error says."""
    if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
        return OutlayError(
            "memory ran out while a local model ran: use fewer rows (models.load(..., rows=8)), or a smaller model"
        )
    return None


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]
