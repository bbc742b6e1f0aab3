"""What an engine can answer, known before any net is loaded: plugins, then the manifest, then the two together."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib import import_module

from cv.engine.config import EngineConfig
from cv.engine.errors import ModelNotReady
from cv.engine.manifest import Manifest, Model, read_manifest
from cv.engine.model_card import ModelCard
from cv.engine.outputs import Output, all_outputs, public_outputs
from cv.engine.published import load_published
from cv.engine.readers.base import FaceReader, registered_readers


@dataclass(frozen=True, slots=True)
class Catalog:
    """``readers`` are those of plugins, which need no weights."""

    manifest: Manifest
    readers: tuple[FaceReader, ...]

    @property
    def card(self) -> ModelCard:
        """The card of the model that answers if a request names no output."""
        return self.manifest.default.card

    @property
    def cards(self) -> tuple[ModelCard, ...]:
        """The cards of all models in service: those of the manifest's list, those of plugins, and those that serve
        whatever is asked for."""
        manifest = self.manifest
        helpers = (manifest.check, manifest.quality, manifest.portrait)
        return (
            *(model.card for model in manifest.models),
            *(replace(reader.card, outputs=tuple(sorted(reader.gives))) for reader in self.readers),
            *(model.card for model in helpers if model is not None),
        )

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Everything that some model in service gives, in the order of the registry."""
        given = {name for model in self.manifest.models for name in model.outputs}
        given.update(name for reader in self.readers for name in reader.gives)
        return tuple(output for output in all_outputs() if output.name in given)

    def model_of(self, output: str) -> Model:
        """The model of the manifest that gives this output. Raises ModelNotReady."""
        for model in self.manifest.models:
            if output in model.outputs:
                return model
        raise ModelNotReady(f"no model in service gives {output}")


def read_catalog(config: EngineConfig) -> Catalog:
    """Raises ModelNotReady if a plugin or the manifest cannot be used, or two models give the same output."""
    load_plugins(config.plugins)
    load_published(config.models, config)
    catalog = _in_service(read_manifest(config.weights_dir), config.identity)
    given_by = {name: model.card.name for model in catalog.manifest.models for name in model.outputs}
    for reader in catalog.readers:
        for name in reader.gives:
            other = given_by.setdefault(name, reader.card.name)
            if other != reader.card.name:
                raise ModelNotReady(f"{name} is given by two models: {other} and {reader.card.name}")
    return catalog


def _in_service(manifest: Manifest, identity: bool) -> Catalog:
    """Without ``identity``, only the models of public outputs."""
    public = {output.name for output in public_outputs()}
    models = tuple(model for model in manifest.models if identity or public.issuperset(model.outputs))
    readers = tuple(reader for reader in registered_readers() if identity or public.issuperset(reader.gives))
    return Catalog(replace(manifest, models=models), readers)


def load_plugins(names: Iterable[str]) -> None:
    """Imports the modules, which register what they add. Raises ModelNotReady if one cannot be imported."""
    for name in names:
        try:
            import_module(name)
        except Exception as error:
            raise ModelNotReady(f"the plugin {name} cannot be imported: {error!r}") from error
