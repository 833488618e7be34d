# The types of specs/_shared.yaml. To change them, change the spec and run `drystone generate`.
# sealed sha256:55018b2b83f172ec1c8baabb87c33afb1ad156298e35e79e1285e5f48a12033d

from __future__ import annotations

from typing import Protocol, TypeAlias


# matches [a-z0-9.]{1,30}@[a-z0-9]{1,20}[.][a-z]{2,6}, length at most 60
Email: TypeAlias = str


class MailerDown(Exception):
    """The mail could not be handed over."""


class Mailer(Protocol):
    def send(self, to: Email, subject: str, body: str) -> None:
        """Hand a mail over for delivery."""
        ...
