"""Names of images: the text a user types, parsed and normalised.

The grammar is distribution/reference's (https://github.com/distribution/reference):

    reference  := name [ ":" tag ] [ "@" digest ]
    name       := [ domain "/" ] path
    domain     := host [ ":" port ] ; host is a DNS name, an IPv4 or a bracketed IPv6 address
    path       := component *( "/" component )
    component  := lower-case letters and digits, separated by one ".", one or two "_", or "-"s
    tag        := up to 128 of A-Z a-z 0-9 _ . - , not beginning with . or -

A first component is a domain only if it holds a "." or ":", is `localhost`, or holds an upper-case
letter; else the image is on Docker Hub. Only this module knows that.

Local sources have their own names: `oci:DIR[:TAG|:@N|@DIGEST]`, `oci-archive:FILE` with the same
suffixes, `docker-archive:FILE[:REF|:@N]`, and `-` for an archive of either kind on standard input.
As in skopeo (containers-transports(5)), their paths have no colon and N counts from 0.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from pull.errors import DigestSyntaxError, ReferenceSyntaxError
from pull.spec.digest import Digest
from pull.spec.urls import check_host

__all__ = ["DOCKER_HUB", "LocalReference", "Reference", "hint_for", "parse_reference"]

DOCKER_HUB = "docker.io"
_LEGACY_HUB = "index.docker.io"
_OFFICIAL = "library"
_DEFAULT_TAG = "latest"
_NAME_MAX_CHARS = 255
_LOCAL_KINDS = ("oci-archive", "docker-archive", "oci")
# Patterns are compiled when they are first used: most runs use few of them.

# skopeo's other transports, and URL schemes: other prefixes that people write
_FOREIGN_KIND = (
    r"(dir|containers-storage|docker-daemon|ostree|sif|tarball|docker-tar|file|https?|oci|docker)://?"
    r"|(dir|containers-storage|docker-daemon|ostree|sif|tarball|file):"
)
_ARCHIVE = r"\.(?:tar|tgz|tar\.(?:gz|xz|bz2|zst))$"

_HOST_LABEL = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN = rf"(?:{_HOST_LABEL}(?:\.{_HOST_LABEL})*|\[(?:[a-fA-F0-9:]+)\])(?::[0-9]+)?"
_DOMAIN_PARTS = r"(.*?)(?::([0-9]+))?"
_PORT_DIGITS = 9  # longer numbers are never ports
_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_TAG = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_AT_DIGEST = r"([^:]+)@([a-z0-9]+:[a-zA-Z0-9]+)"
_POSITION = r"@([0-9]{1,9})"
_BARE_HEX_ID = r"[a-f0-9]{64}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """An image in a registry; with both a tag and a digest, the digest decides."""

    registry: str  # host[:port] as the user knows it: docker.io, not registry-1.docker.io
    repository: str
    tag: str | None = None
    digest: Digest | None = None

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag is not None else ""
        digest = f"@{self.digest}" if self.digest is not None else ""
        return f"{self.registry}/{self.repository}{tag}{digest}"

    @property
    def selector(self) -> str:
        """What the registry's API calls the manifest: the digest, else the tag."""
        return str(self.digest) if self.digest is not None else self.tag or _DEFAULT_TAG


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalReference:
    """An image in a directory or an archive of this machine."""

    kind: str  # oci, oci-archive, docker-archive, or - for either archive on standard input
    path: str
    selector: str = ""  # a tag, a name, or empty if there is only one image
    digest: Digest | None = None
    position: int | None = None  # index into the listed images, from 0

    def __str__(self) -> str:
        if self.kind == "-":
            return "-"
        if self.position is not None:
            return f"{self.kind}:{self.path}:@{self.position}"
        suffix = f"@{self.digest}" if self.digest else f":{self.selector}" if self.selector else ""
        return f"{self.kind}:{self.path}{suffix}"


def parse_reference(text: str) -> Reference | LocalReference:
    """Read a reference as a user types it.

    Raises:
        ReferenceSyntaxError: It isn't a reference; the reason names the part.
    """
    if text == "-":
        return LocalReference(kind="-", path="-")
    for kind in _LOCAL_KINDS:
        if text.startswith(f"{kind}:"):
            return _parse_local(text, kind, text[len(kind) + 1 :])
    try:
        return _parse_remote(text.removeprefix("docker://"))
    except ReferenceSyntaxError as error:
        if hint := hint_for(text):
            raise ReferenceSyntaxError(text, f"{error.reason}; {hint}") from error
        raise


def hint_for(text: str) -> str:
    """Suggest what a text that names no image, or a missing one, may mean; '' if unknown."""
    if match := re.match(r"https?://", text):
        return f"leave {match[0]} out"
    if match := re.match(_FOREIGN_KIND, text):
        return (
            f"{match[0]} is not known here: images come from a registry, oci:DIR, oci-archive:FILE,"
            " docker-archive:FILE or -"
        )
    if re.search(_ARCHIVE, text):
        return f"an archive is docker-archive:{text} or oci-archive:{text}"
    if text.startswith(("./", "../", "/", "~")):
        return f"a directory of this machine is oci:{text}, an archive oci-archive:{text}"
    return ""


def _parse_local(text: str, kind: str, rest: str) -> LocalReference:
    if match := re.fullmatch(_AT_DIGEST, rest):
        path, digest, selector = match[1], _digest(text, match[2]), ""
    else:
        # as in skopeo: the path ends at the first colon, for a name may hold colons and slashes
        path, _, selector = rest.partition(":")
        digest = None
    if not path:
        raise ReferenceSyntaxError(text, f"a path must follow {kind}:")
    if "\0" in path:
        raise ReferenceSyntaxError(text, "a path can't have a NUL")
    if selector.startswith("@"):  # no tag or name begins with @
        position = re.fullmatch(_POSITION, selector)
        if position is None:
            raise ReferenceSyntaxError(text, f"@ must be followed by a number from 0: {selector!r}")
        return LocalReference(kind=kind, path=path, position=int(position[1]))
    return LocalReference(kind=kind, path=path, selector=selector, digest=digest)


def _parse_remote(text: str) -> Reference:
    if not text:
        raise ReferenceSyntaxError(text, "it is empty")
    if re.fullmatch(_BARE_HEX_ID, text):
        raise ReferenceSyntaxError(text, "64 hex digits are an image id, not a name")
    rest, at, digest_text = text.partition("@")
    digest = _digest(text, digest_text) if at else None
    name, tag = _split_tag(rest)
    if tag is not None and not re.fullmatch(_TAG, tag):
        reason = "a tag is 1 to 128 letters, digits, '_', '.' and '-'"
        raise ReferenceSyntaxError(text, f"{reason}: {tag!r}")
    registry, repository = _split_registry(name)
    _check_name(text, registry, repository)
    reference = Reference(registry=registry, repository=repository, tag=tag, digest=digest)
    if tag is None and digest is None:
        return replace(reference, tag=_DEFAULT_TAG)
    return reference


def _digest(text: str, digest_text: str) -> Digest:
    try:
        return Digest.parse(digest_text)
    except DigestSyntaxError as error:
        raise ReferenceSyntaxError(text, str(error)) from error


def _split_tag(text: str) -> tuple[str, str | None]:
    # a colon before the last slash belongs to a port
    slash = text.rfind("/")
    colon = text.find(":", slash + 1)
    if colon < 0:
        return text, None
    return text[:colon], text[colon + 1 :]


def _split_registry(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    is_domain = "." in first or ":" in first or first == "localhost" or first != first.lower()
    if not slash or not is_domain:
        registry, repository = DOCKER_HUB, name
    else:
        registry, repository = first, rest
    if registry == _LEGACY_HUB:
        registry = DOCKER_HUB
    if registry == DOCKER_HUB and "/" not in repository:
        repository = f"{_OFFICIAL}/{repository}"
    return registry, repository


def _check_name(text: str, registry: str, repository: str) -> None:
    if not re.fullmatch(_DOMAIN, registry):
        raise ReferenceSyntaxError(text, f"{registry!r} is not a host[:port]")
    host, port = re.fullmatch(_DOMAIN_PARTS, registry).groups()  # type: ignore[union-attr]  # as above
    try:
        check_host(host.strip("[]"), int(port[:_PORT_DIGITS]) if port else None)
    except ValueError as error:
        raise ReferenceSyntaxError(text, str(error)) from error
    if repository != repository.lower():
        raise ReferenceSyntaxError(text, "a repository name is lower-case")
    for component in repository.split("/"):
        if not re.fullmatch(_COMPONENT, component):
            reason = "parts of a name are lower-case letters and digits joined by '.', '_' or '-'"
            raise ReferenceSyntaxError(text, f"{reason}: {component!r}")
    # distribution/reference counts only the path since version 0.6
    if len(repository) > _NAME_MAX_CHARS:
        raise ReferenceSyntaxError(text, f"a name has at most {_NAME_MAX_CHARS} characters")
