"""`drystone mcp`: the Model Context Protocol over standard input and output, and the only module that knows it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from pipeline import __version__, outgoing
from pipeline.errors import DrystoneError, SettingsError
from pipeline.submitting import Standing, Submission, Task, Workshop

if TYPE_CHECKING:
    from mcp.server import MCPServer

Told = TypeVar("Told")

_INSTRUCTIONS = """\
drystone keeps one Python function to each contract. List the contracts that need a function, read one, write exactly \
that function, and submit it as one ```python block. It is judged in a sandbox by clauses and inputs you do not see. \
If it is refused you are told one thing that is wrong, and the number of candidates is limited, so read the contract \
word by word first. If no function can keep the contract, submit one line: contract insufficient: and why. Do not edit \
files under generated/ yourself: they are sealed.
"""


def serve(workshop: Workshop) -> None:
    """Serve one client until it closes standard input. Raises SettingsError where the SDK is not installed."""
    try:
        from mcp.server import MCPServer
    except ImportError:
        raise SettingsError(
            "drystone mcp needs the MCP SDK, which is not installed: pip install 'drystone[mcp]'"
        ) from None
    server = MCPServer("drystone", instructions=_INSTRUCTIONS, version=__version__, log_level="WARNING")
    _offer(server, workshop)
    server.run("stdio")


def _offer(server: "MCPServer", workshop: Workshop) -> None:
    from mcp.types import ToolAnnotations

    reads = ToolAnnotations(read_only_hint=True, open_world_hint=False)
    lands = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=False)

    @server.tool(annotations=reads)
    def list_contracts() -> list[Task]:
        """List the contracts that need an implementation, callees before callers."""
        return list(_told(workshop.tasks))

    @server.tool(annotations=reads)
    def read_contract(function: str) -> str:
        """Read one contract (spec.function): everything an implementer is told, and how to reply."""
        return _told(lambda: workshop.contract(function))

    @server.tool(annotations=lands)
    def submit_candidate(function: str, reply: str) -> Submission:
        """Hand in a candidate for a contract: a reply that holds one ```python block with exactly the one function."""
        return _told(lambda: workshop.submit(function, reply))

    @server.tool(annotations=reads)
    def read_verdict(function: str) -> Standing:
        """Read how a function stands: the evidence of what has landed, and what became of the last candidate."""
        return _told(lambda: workshop.standing(function))


def _told(work: Callable[[], Told]) -> Told:
    """What came of a call; what stands in its way is for the client to read, without a credential in it."""
    from mcp.server.mcpserver.exceptions import ToolError

    try:
        return work()
    except DrystoneError as error:
        raise ToolError(outgoing.scrub(str(error))) from None
