"""What the judge says of a flow's functions together, as a report and as the verdict that lands beside them."""

from collections.abc import Mapping

from pipeline import __version__, landed_flows
from pipeline.flows.records import FlowVerdict
from pipeline.landed_flows import FlowStatus
from pipeline.reports import FlowReport
from pipeline.stages.judge import Judge, Part


def judge_flow(judge: Judge, status: FlowStatus, parts: Mapping[str, Part]) -> tuple[FlowReport, str | None]:
    """A report with the action `landed` and the text of the verdict; or one with `failed` and none.

    `parts` holds every function that the flow may come to call, by `spec.function`.
    """
    judgement = judge.judge_flow(status.spec, status.flow.flow, parts)
    if not judgement.passed:
        broken = tuple(f"{clause.clause}: {clause.message}" for clause in judgement.failures)
        failed = FlowReport(
            flow=status.id,
            action="failed",
            reasons=broken,
            walks=judgement.walks,
            counterexample=judgement.counterexample,
        )
        return failed, None
    verdict = FlowVerdict(
        spec=status.spec,
        flow=status.flow.flow,
        flow_digest=status.digest,
        sources=landed_flows.source_digests({name: part.source for name, part in parts.items()}),
        clauses=tuple(clause.clause for clause in judgement.clauses),
        walks=judgement.walks,
        sandbox=judge.isolation.level,
        tool=f"drystone {__version__}",
    )
    reasons = status.reasons or ("its functions changed",)
    report = FlowReport(flow=status.id, action="landed", reasons=reasons, walks=judgement.walks)
    return report, landed_flows.render_flow_verdict(verdict)
