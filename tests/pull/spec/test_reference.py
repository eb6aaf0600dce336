"""References: the cases of distribution/reference's own tests, and our local sources."""

from __future__ import annotations

import pytest

from pull.errors import ReferenceSyntaxError
from pull.spec.digest import Digest
from pull.spec.reference import LocalReference, Reference, parse_reference

SHA256 = "sha256:" + "f" * 64
SHA512 = "sha512:" + "e" * 128
HUB = "docker.io"

# what a text means: registry, repository, tag and digest
REMOTE: dict[str, tuple[str, str, str | None, str | None]] = {
    "debian": (HUB, "library/debian", "latest", None),
    "debian:12": (HUB, "library/debian", "12", None),
    "docker.io/debian": (HUB, "library/debian", "latest", None),
    "docker.io/library/debian:12": (HUB, "library/debian", "12", None),
    "index.docker.io/debian": (HUB, "library/debian", "latest", None),
    "index.docker.io/library/debian": (HUB, "library/debian", "latest", None),
    "docker://debian:12": (HUB, "library/debian", "12", None),
    "dmcgowan/myapp": (HUB, "dmcgowan/myapp", "latest", None),
    "library/debian": (HUB, "library/debian", "latest", None),
    "docker.io/a/b/c": (HUB, "a/b/c", "latest", None),
    "localhost/app": ("localhost", "app", "latest", None),
    "localhost:5000/app:v1": ("localhost:5000", "app", "v1", None),
    "localhost": (HUB, "library/localhost", "latest", None),
    "localhost:http": (HUB, "library/localhost", "http", None),
    "127.0.0.1:5000/real:full": ("127.0.0.1:5000", "real", "full", None),
    "192.168.1.1": (HUB, "library/192.168.1.1", "latest", None),
    "192.168.1.1:tag": (HUB, "library/192.168.1.1", "tag", None),
    "192.168.1.1:5000": (HUB, "library/192.168.1.1", "5000", None),
    "192.168.1.1/repo": ("192.168.1.1", "repo", "latest", None),
    "192.168.1.1:5000/repo:5050": ("192.168.1.1:5000", "repo", "5050", None),
    "[2001:db8::1]/repo": ("[2001:db8::1]", "repo", "latest", None),
    "[2001:db8::1]:5000/repo:tag": ("[2001:db8::1]:5000", "repo", "tag", None),
    "[::1]:5000/repo@" + SHA256: ("[::1]:5000", "repo", None, SHA256),
    "[2001:db8:1:2:3:4:5:6]/repo": ("[2001:db8:1:2:3:4:5:6]", "repo", "latest", None),
    "test.com/repo:tag": ("test.com", "repo", "tag", None),
    "test.com:8080/repo/path:tag": ("test.com:8080", "repo/path", "tag", None),
    "test:5000/repo": ("test:5000", "repo", "latest", None),
    "test_com/foo": (HUB, "test_com/foo", "latest", None),
    "Uppercase/lowercase": ("Uppercase", "lowercase", "latest", None),
    "Uppercase.org/lowercase:tag": ("Uppercase.org", "lowercase", "tag", None),
    "xn--n3h.com/myimage:xn--n3h.com": ("xn--n3h.com", "myimage", "xn--n3h.com", None),
    "foo_bar.com:8080": (HUB, "library/foo_bar.com", "8080", None),
    "foo.example.com/foo/bar__baz": ("foo.example.com", "foo/bar__baz", "latest", None),
    "a/b---c": (HUB, "a/b---c", "latest", None),
    "a/b.c_d-e": (HUB, "a/b.c_d-e", "latest", None),
    "debian:_tag.with-all_0": (HUB, "library/debian", "_tag.with-all_0", None),
    "debian:" + "t" * 128: (HUB, "library/debian", "t" * 128, None),
    "debian@" + SHA256: (HUB, "library/debian", None, SHA256),
    "debian:12@" + SHA256: (HUB, "library/debian", "12", SHA256),
    "debian@" + SHA512: (HUB, "library/debian", None, SHA512),
    "test.com/" + "a" * 255: ("test.com", "a" * 255, "latest", None),
}

# text: what the message says of it
WRONG = {
    "": "empty",
    "f" * 64: "image id",
    ":justtag": "parts of a name",
    "@" + SHA256: "parts of a name",
    "repo@sha256:ffff": "64 lower-case hex digits",
    "repo@sha256:" + "F" * 64: "64 lower-case hex digits",
    "repo@md5:" + "f" * 32: "unsupported algorithm",
    "repo@invalid": "expected algorithm:hex",
    "debian:": "a tag is",
    "debian:-tag": "a tag is",
    "debian:.tag": "a tag is",
    "debian:a b": "a tag is",
    "debian:" + "t" * 129: "a tag is",
    "debian:12:13": "a tag is",
    "Debian": "lower-case",
    "docker.io/Debian": "lower-case",
    "test.com/Repo": "lower-case",
    "Uppercase:tag": "lower-case",
    "Uppercase/Uppercase": "lower-case",
    "a//b": "parts of a name",
    "/debian": "parts of a name",
    "debian/": "parts of a name",
    "test.com/": "parts of a name",
    "aa/asdf$$^/aa": "parts of a name",
    "a/b..c": "parts of a name",
    "a/b___c": "parts of a name",
    "a/-b": "parts of a name",
    "a/b-": "parts of a name",
    "a/_b": "parts of a name",
    "-foo.com/bar": "is not a host",
    "foo-.com/bar": "is not a host",
    "foo..com/bar": "is not a host",
    "test.com:x/bar": "is not a host",
    "[2001:db8::1/repo": "is not a host",
    "[fe80::1%eth0]/repo": "is not a host",
    "[fe80::1%@invalidzone]:5000/repo": "expected algorithm:hex",
    "2001:db8::1/repo": "is not a host",
    "http://test.com/repo": "is not a host",
    "test.com/" + "a" * 256: "255 characters",
    "xn--n3h.com/☃": "parts of a name",
    "oci:": "path",
    "oci:/a/b@sha256:12": "64 lower-case hex digits",
}

LOCAL = {
    "-": LocalReference(kind="-", path="-"),
    "oci:layout": LocalReference(kind="oci", path="layout"),
    "oci:a/layout:v1": LocalReference(kind="oci", path="a/layout", selector="v1"),
    "oci:a/layout:some/image:v1": LocalReference(
        kind="oci", path="a/layout", selector="some/image:v1"
    ),
    "oci:a@b/layout:v1": LocalReference(kind="oci", path="a@b/layout", selector="v1"),
    "oci:/a/layout@" + SHA256: LocalReference(
        kind="oci", path="/a/layout", digest=Digest.parse(SHA256)
    ),
    "oci:a@b/layout": LocalReference(kind="oci", path="a@b/layout"),
    "oci-archive:/a/b.tar": LocalReference(kind="oci-archive", path="/a/b.tar"),
    "oci-archive:b.tar:v1": LocalReference(kind="oci-archive", path="b.tar", selector="v1"),
    "docker-archive:/a/b.tar": LocalReference(kind="docker-archive", path="/a/b.tar"),
    "docker-archive:/a/b.tar:debian:12": LocalReference(
        kind="docker-archive", path="/a/b.tar", selector="debian:12"
    ),
    "docker-archive:b.tar:ghcr.io/a/b:1": LocalReference(
        kind="docker-archive", path="b.tar", selector="ghcr.io/a/b:1"
    ),
}


@pytest.mark.parametrize("text", REMOTE)
def test_remote(text: str) -> None:
    found = parse_reference(text)
    assert isinstance(found, Reference)
    digest = str(found.digest) if found.digest else None
    assert (found.registry, found.repository, found.tag, digest) == REMOTE[text]


@pytest.mark.parametrize("text", REMOTE)
def test_canonical_form_is_stable(text: str) -> None:
    found = parse_reference(text)
    assert parse_reference(str(found)) == found


@pytest.mark.parametrize("text", WRONG)
def test_wrong(text: str) -> None:
    with pytest.raises(ReferenceSyntaxError) as caught:
        parse_reference(text)
    assert WRONG[text] in str(caught.value)
    assert repr(text) in str(caught.value)


@pytest.mark.parametrize("text", LOCAL)
def test_local(text: str) -> None:
    assert parse_reference(text) == LOCAL[text]
    assert str(LOCAL[text]) == text


def test_digest_decides_beside_a_tag() -> None:
    found = parse_reference("debian:12@" + SHA256)
    assert isinstance(found, Reference)
    assert found.selector == SHA256
    assert str(found) == f"docker.io/library/debian:12@{SHA256}"
