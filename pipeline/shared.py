"""A folder elsewhere, named by a URL, that colleagues and CI share: the one home of fsspec. Its trouble is a warning."""

import contextlib
import threading
import uuid
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pipeline import disk, outgoing
from pipeline.errors import OutputError, SettingsError

MOST_BYTES = 16 * 1024 * 1024
"""Of one file that is read; a longer one is none of ours."""
_SHORTEST = 4
"""Characters of a part of an address that is kept out of messages: a shorter one is found in every other word."""
_WHOLE = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oci", "oss", "memory"}
"""Where what is put appears whole; elsewhere it is written beside its place and moved there."""


class SharedFolder:
    """Files by name. Safe for several threads and machines: they appear whole, and the last writer wins.

    Trouble is told once, and then that way is left alone for the rest of the run: nobody waits for a server that is
    gone, and nothing that was paid for is lost.
    """

    def __init__(self, url: str, root: Path) -> None:
        """`url` is a path from `root`, or what fsspec knows: s3://bucket/folder. Raises SettingsError if it does not."""
        import fsspec  # type: ignore[import-untyped]

        self._shown, self._secrets = _apart(url)
        self._lock = threading.Lock()
        self._broken: dict[str, str] = {}
        self._made = False
        address = url if "://" in url else str(root / Path(url).expanduser())
        try:
            self._system, folder = fsspec.core.url_to_fs(address, use_listings_cache=False)
        except ImportError as error:
            raise SettingsError(f"store '{self._shown}': {error}; install that beside drystone") from None
        except Exception as error:  # noqa: BLE001 - every file system has its own ways to refuse an address
            raise SettingsError(f"store '{self._shown}': {self._said(error)}") from None
        self._folder = folder.rstrip("/")
        names = self._system.protocol
        self._protocols = {names} if isinstance(names, str) else set(names)

    @property
    def trouble(self) -> str:
        """Why nothing could be read, in one sentence; empty if nothing was wrong."""
        return self._broken.get("read", "")

    def read(self, name: str) -> str | None:
        """The text of a file; None if there is none, or none that can be read."""
        return None if "read" in self._broken else self._read(name)

    def write(self, name: str, text: str) -> None:
        """Put a file there in one step, or warn."""
        if "written" in self._broken:
            return
        path = f"{self._folder}/{name}"
        try:
            self._put(path, text)
        except Exception as error:  # noqa: BLE001 - as above
            self._tell("written", error)

    def remove(self, name: str) -> None:
        """Delete a file if it is there and may be deleted, or warn."""
        if "written" in self._broken:
            return
        try:
            self._system.rm_file(f"{self._folder}/{name}")
        except FileNotFoundError:
            pass
        except Exception as error:  # noqa: BLE001 - as above
            self._tell("written", error)

    def _read(self, name: str) -> str | None:
        path = f"{self._folder}/{name}"
        try:
            size = self._system.info(path)["size"]
            if size is None or not 0 < size <= MOST_BYTES:
                return None
            raw: Any = self._system.cat_file(path)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except Exception as error:  # noqa: BLE001 - as above
            self._tell("read", error)
            return None
        with contextlib.suppress(UnicodeDecodeError):
            return bytes(raw).decode("utf-8")
        return None

    def _put(self, path: str, text: str) -> None:
        if "file" in self._protocols:
            disk.write_text(Path(path), text)
            return
        if self._protocols & _WHOLE:
            self._system.pipe_file(path, text.encode("utf-8"))
            return
        if not self._made:
            self._system.makedirs(self._folder, exist_ok=True)
            self._made = True
        beside = f"{self._folder}/.drystone-{uuid.uuid4().hex}.tmp"
        self._system.pipe_file(beside, text.encode("utf-8"))
        self._system.mv(beside, path)

    def _said(self, error: Exception) -> str:
        said = str(error) if not isinstance(error, OutputError) else str(error).rpartition(": ")[2]
        line = " ".join(said.split()) or type(error).__name__
        for secret in sorted(self._secrets, key=len, reverse=True):
            line = line.replace(secret, "***")
        line = outgoing.scrub(line)
        return line if len(line) <= 300 else f"{line[:297]}..."

    def _tell(self, verb: str, error: Exception) -> None:
        with self._lock:
            if verb in self._broken:
                return
            self._broken[verb] = f"the store {self._shown} cannot be {verb}: {self._said(error)}"
        rest = {
            "read": "replies that are only there are asked for again",
            "written": "replies are kept in .drystone alone",
        }[verb]
        warnings.warn(f"{self._broken[verb]}; {rest} in this run", stacklevel=3)


def _apart(url: str) -> tuple[str, list[str]]:
    """An address as it may be shown, and what of it may not: user, password, query."""
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    secrets = [user, *user.split(":"), parts.query, *(value for _, value in parse_qsl(parts.query))]
    shown = outgoing.scrub(parts._replace(netloc=host, query="", fragment="").geturl())
    return shown, [each for each in secrets if len(each) >= _SHORTEST]
