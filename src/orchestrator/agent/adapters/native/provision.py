"""The image that a container asks for, with the login that its task brings along."""

from __future__ import annotations

from orchestrator.agent.adapters import logins
from orchestrator.agent.adapters.images.names import Provisioned
from orchestrator.agent.adapters.images.store import ImageError, ImageStore
from orchestrator.agent.adapters.logins import CredentialError, Login, Logins
from orchestrator.agent.adapters.native.errors import NativeError
from orchestrator.agent.adapters.native.given import Secrets, asked
from orchestrator.agent.adapters.policy import Policy as Rights
from orchestrator.agent.core.task import Container
from orchestrator.mesos.types import Image


class Provisioner:
    """Finds images in one store. ``rights`` say which paths of the machine may be images."""

    def __init__(self, store: ImageStore, secrets: Secrets, rights: Rights) -> None:
        self._store = store
        self._secrets = secrets
        self._rights = rights

    async def provide(self, container: Container) -> Provisioned | None:
        """The image of a container, None without one. Raises NativeError."""
        mesos = container.info.mesos if container.info is not None else None
        image = mesos.image if mesos is not None else None
        if image is None:
            return None
        if image.docker is None or not image.docker.name:
            raise NativeError(f"This agent has no images of type {image.type}, only of DOCKER")
        self._check(image.docker.name)
        logins = await self._logins(image)
        try:
            return await self._store.get(
                image.docker.name, is_fresh=not image.cached, logins=logins
            )
        except ImageError as error:
            raise NativeError(_sentence(str(error))) from None

    def _check(self, name: str) -> None:
        """A container sees all of its image, whoever may read it outside."""
        path = name.removeprefix("file://")
        if not path.startswith("/"):
            return
        if (refusal := self._rights.refusal_of_volume(path, read_only=True)) is not None:
            raise NativeError(f"The path '{path}' cannot be an image: {refusal}")

    async def _logins(self, image: Image) -> Logins:
        docker = image.docker
        if docker is None:
            return {}
        try:
            if docker.config is not None:
                return logins.parse(
                    await asked(self._secrets.resolve(docker.config)), "the config of the image"
                )
            if (given := docker.credential) is not None:
                registry = self._store.registry_of(docker.name)
                login = Login(
                    registry=registry, username=given.principal, password=given.secret or ""
                )
                return {registry: login}
        except (CredentialError, ImageError) as error:
            raise NativeError(_sentence(str(error))) from None
        return {}


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
