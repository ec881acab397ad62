"""The llama.cpp server in a process of its own, on the tiny model of `byte_model`, or on a file: `with LlamaServer() as server`.

As a program it serves the GGUF file that it is given until its standard input ends.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

SLOTS, CONTEXT = 4, 2048


class LlamaServer:
    """A running server."""

    def __init__(self, path=None):
        self._path = path

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory()
        self.model = str(self._path or self._tiny())
        command = [sys.executable, __file__, self.model]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.url = self._process.stdout.readline().strip() + "/v1"
        self.address = f"openai:{self.url}"
        return self

    def _tiny(self):
        import byte_model

        path = Path(self._folder.name) / "words.gguf"
        byte_model.write(path)
        return path

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()
        self._folder.cleanup()


def serve(path):
    """Serve the file; the address is the first line of standard output."""
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = path
    parameters.n_parallel, parameters.n_ctx, parameters.kv_unified = SLOTS, SLOTS * CONTEXT, False
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
    parameters.fit_params, parameters.verbosity, parameters.cache_ram_mib = False, 0, 0
    server = xllamacpp.Server(parameters)
    print(server.listening_address, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    serve(sys.argv[1])
