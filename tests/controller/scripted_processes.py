"""Processes of models that are nowhere to be seen, unless the test says so."""

from greenroom.triton.backend_processes import BackendProcesses


class ScriptedProcesses(BackendProcesses):
    def __init__(self):
        super().__init__("greenroom-test-that-runs-no-model-")
        self.seen = False
        """Whether this machine's processes are those of Triton: none of a model is left then."""
        self.killed = []

    async def watch(self, model):
        pass

    async def none_runs(self, model):
        return self.seen

    async def look(self, model, since):
        return None

    async def end(self, model):
        self.killed.append(model)
        return self.seen
