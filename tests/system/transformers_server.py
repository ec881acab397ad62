"""`transformers serve` in a process of its own, on a folder of the lab: `with TransformersServer("countdown-small") as server`."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from outlay.models import embedded_folder

TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% if not loop.last %} {% endif %}{% endfor %}"
"""A chat of the lab's models: what is said, with spaces between."""
SECONDS = 180


class TransformersServer:
    """A running server."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory()
        folder = Path(self._folder.name) / self.name
        shutil.copytree(embedded_folder(self.name), folder)
        config = folder / "tokenizer_config.json"
        config.write_text(json.dumps(json.loads(config.read_text()) | {"chat_template": TEMPLATE}))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.model, self.url = str(folder), f"http://127.0.0.1:{port}/v1"
        self.address = f"openai:{self.url}#{self.model}"
        serve = Path(sys.executable).with_name("transformers")
        command = [serve, "serve", self.model, "--device", "cpu", "--dtype", "float32", "--port", str(port)]
        self._log = (Path(self._folder.name) / "log").open("w+")
        self._process = subprocess.Popen(
            [*command, "--host", "127.0.0.1"],
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        )
        deadline = time.monotonic() + SECONDS
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._log.seek(0)
                said = self._log.read()[-2000:]
                self.__exit__()
                raise RuntimeError(f"transformers serve does not answer:\n{said}")
            time.sleep(0.2)
        return self

    def _ready(self):
        try:
            with urllib.request.urlopen(f"{self.url}/models", timeout=2) as reply:
                return reply.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._log.close()
        self._folder.cleanup()
