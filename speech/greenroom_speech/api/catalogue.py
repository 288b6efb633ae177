"""GET /v1/models and GET /v1/tags: what there is to ask, and of whom."""

from fastapi import APIRouter

from greenroom.managed.engine_choice import engine_name
from greenroom.plugin import Gateway
from greenroom_speech.api.pipeline import TTS
from greenroom_speech.api.schemas import ERRORS, ModelList, ModelObject, Tags
from greenroom_speech.engines.engine_tags import tags_of


def catalogue_routes(gateway: Gateway) -> APIRouter:
    router = APIRouter(tags=["models"], responses=ERRORS)

    @router.get("/v1/models")
    async def models() -> ModelList:
        """List the models and where their weights are."""
        return ModelList(data=[_shown(name) for name in gateway.models()])

    @router.get("/v1/models/{model}")
    async def model(model: str) -> ModelObject:
        """Show a model."""
        return _shown(model)

    @router.get("/v1/tags")
    async def tags() -> Tags:
        """Show what the engine of tts can be asked for."""
        engine = engine_name(TTS, gateway.facts(TTS).parameters.get("engine", ""))
        known = tags_of(TTS, engine)
        return Tags(
            engine=engine,
            tasks={task: list(values) for task, values in known.tasks.items()},
            languages=list(known.languages),
            text_tags=list(known.text_tags),
        )

    def _shown(name: str) -> ModelObject:
        facts = gateway.facts(name)
        return ModelObject(id=name, created=int(facts.changed_at), residency=facts.residency)

    return router
