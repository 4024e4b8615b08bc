"""Images by their names, ids and digests, as pods write them and as a runtime lists them.

A pod's `imageID` is a digest of the registry (`…/nginx@sha256:…`), or the image's own id
where it came from no registry. Called by the crictl guide.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .crictl_values import RuntimeContainer, RuntimeImage, same_id

_DEFAULT_REGISTRY = "docker.io"


def digest_of(text: str) -> str:
    """`sha256:…` of an image's id or of a name with a digest; empty when there is none."""
    tail = text.rpartition("@")[2]
    return tail if tail.startswith("sha256:") else ""


def has_image(image_id: str, images: Iterable[RuntimeImage]) -> bool:
    """Whether a pod's `imageID` is among them."""
    digest = digest_of(image_id)
    return bool(digest) and any(
        same_id(digest, one.id) or any(digest_of(each) == digest for each in one.digests) for one in images
    )


def image_named(name: str, images: Iterable[RuntimeImage]) -> RuntimeImage | None:
    """The image a specification names, by tag or by digest."""
    wanted, digest = full_name(name), digest_of(name)
    for one in images:
        if digest and any(digest_of(each) == digest for each in one.digests):
            return one
        if not digest and any(full_name(tag) == wanted for tag in one.tags):
            return one
    return None


def full_name(name: str) -> str:
    """The name a runtime gives it: `nginx` is `docker.io/library/nginx:latest`."""
    repository, _, _ = name.partition("@")
    head, slash, _ = repository.partition("/")
    if not slash:
        repository = f"{_DEFAULT_REGISTRY}/library/{repository}"
    elif "." not in head and ":" not in head and head != "localhost":
        repository = f"{_DEFAULT_REGISTRY}/{repository}"
    return repository if ":" in repository.rpartition("/")[2] else f"{repository}:latest"


def unused(
    images: Sequence[RuntimeImage], containers: Sequence[RuntimeContainer], named: Iterable[str]
) -> list[RuntimeImage]:
    """Images no container has, running or ended, that no pod names and that are not pinned; largest first."""
    wanted = set(map(full_name, named))
    left = [
        one
        for one in images
        if not one.pinned
        and not any(_is_of(each, one) for each in containers)
        and not any(full_name(tag) in wanted for tag in one.tags)
    ]
    return sorted(left, key=lambda one: -one.size)


def _is_of(container: RuntimeContainer, image: RuntimeImage) -> bool:
    name = container.image
    if same_id(name, image.id):
        return True
    digest = digest_of(name)
    if digest and any(digest_of(each) == digest for each in image.digests):
        return True
    return any(full_name(tag) == full_name(name) for tag in image.tags) if name else False


def byte_text(amount: int) -> str:
    """Bytes as crictl writes them, in powers of ten: `742kB`, `1.15MB`."""
    number, unit = float(amount), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if number < 999.5 or unit == "TB":
            break
        number /= 1000
    return f"{number:.3g}{unit}"
