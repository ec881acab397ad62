"""The embedded lab: tiny Llama models trained from scratch on procedural tasks, with the recipes that made them.

`weights/` holds what ships. `outlay.lab.train` makes it again (torch, extra `lab`); `outlay.lab.check` measures it with the
embedded engine, without torch. Nothing here is a model of language: the lab exists so that the whole argument about
test-time compute runs on a laptop.
"""
