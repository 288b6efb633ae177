"""GET /v1/models and GET /v1/tags: what there is to ask, and of whom."""

from fastapi import APIRouter
from greenroom_speech.api.pipeline import TTS
from greenroom_speech.api.schemas import ERRORS, ModelList, ModelObject, Tags
from greenroom_speech.engines.engine_tags import tags_of

from greenroom.controller.controller import Controller
from greenroom.errors import UnknownModel
from greenroom.managed.engine_choice import engine_name


def catalogue(controller: Controller) -> APIRouter:
    """Return the endpoints."""
    router = APIRouter(tags=["models"], responses=ERRORS)

    @router.get("/v1/models")
    async def models() -> ModelList:
        """List the models and where their weights are."""
        return ModelList(data=[_shown(name) for name in sorted(controller.repository.models)])

    @router.get("/v1/models/{model}")
    async def model(model: str) -> ModelObject:
        """Show a model."""
        controller.entry(model)
        return _shown(model)

    @router.get("/v1/tags")
    async def tags() -> Tags:
        """Show what the engine of tts can be asked for."""
        spec = controller.repository.models.get(TTS)
        if spec is None:
            raise UnknownModel(f"Model {TTS!r} is not in the model repositories.")
        engine = engine_name(TTS, spec.parameters.get("engine", ""))
        known = tags_of(TTS, engine)
        return Tags(
            engine=engine,
            tasks={task: list(values) for task, values in known.tasks.items()},
            languages=list(known.languages),
            text_tags=list(known.text_tags),
        )

    def _shown(name: str) -> ModelObject:
        entry, spec = controller.entry(name), controller.repository.models[name]
        states = controller.stage.models
        residency = (
            {step: str(states[step].residency) for step in entry.steps}
            if entry.steps
            else str(entry.residency)
        )
        created = int(spec.folder.stat().st_mtime)
        return ModelObject(id=name, created=created, residency=residency)

    return router
