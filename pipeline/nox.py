"""Sessions of nox for projects with specs. Needs nox and the standard library alone, so that a noxfile may import it."""

import json
from collections.abc import Sequence

import nox

NAMES = ("generate", "check", "contracts")


def sessions(
    names: Sequence[str] = NAMES,
    *,
    install: Sequence[str] = ("drystone",),
    install_local: Sequence[str] = ("drystone[local]",),
) -> None:
    """Register sessions in a noxfile: `generate`, `check` and `contracts`, or those of `names`.

    `install` is what `pip install` is given, `install_local` what it is given once the embedded model will be asked.
    Plain `nox` runs `check` and `contracts`, which ask no model and spend no money. Arguments after `--` go on.
    """

    def generate(session: nox.Session) -> None:
        """Bring generated/ up to specs/; arguments go to `drystone generate`. Free when nothing changed."""
        session.install(*install)
        arguments = session.posargs
        if not {"--help", "-h", "--plan"} & set(arguments):
            planned = session.run(
                "drystone", "generate", "--plan", "--json", *arguments, silent=True, success_codes=range(256)
            )
            if any(entry.partition(":")[0] == "local" for entry in _models(planned)):
                session.install(*install_local)
                session.run("drystone", "model", "pull")
        session.run("drystone", "generate", *arguments)

    def check(session: nox.Session) -> None:
        """Whether generated/ is what specs/ says, and still keeps its contracts."""
        session.install(*install)
        session.run("drystone", "check", *session.posargs)

    def contracts(session: nox.Session) -> None:
        """Every clause of every landed contract and flow as a test; arguments go to pytest."""
        session.install(*install, "pytest")
        session.run("pytest", "generated", *session.posargs)

    known = {"generate": generate, "check": check, "contracts": contracts}
    for name in names:
        nox.session(default=name != "generate")(known[name])


def _models(planned: object) -> list[str]:
    """Who would be asked, by the plan's JSON report; nobody if there is none."""
    try:
        return list(json.loads(str(planned))["models"])
    except (ValueError, KeyError, TypeError):
        return []
