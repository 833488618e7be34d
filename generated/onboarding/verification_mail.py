# Written by a model under verification_mail.contract.json.
# To change it, change specs/onboarding.yaml and run `drystone generate`.
# sealed sha256:442f75a8a847fdcc7cee24a262cb00ac950aabd7e2b63cef8cfabb6a373f85df

from __future__ import annotations

from .types import Token


def verification_mail(token: Token) -> str:
    """The body of the mail that asks a new user to confirm an address; it tells the token."""
    return "Confirm your address with this code: " + token
