"""The kinds of work of a step, and what goes wrong with each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from tests.support.faults.scenario import fault

WORDS = "no data for the day"
UNREADABLE = "No access to s3://orders"
SECONDS = 8


class Does(Enum):
    """What the work does."""

    SUCCEEDS = "succeeds"
    FAILS = "fails"
    FAILS_TWICE = "fails twice"
    LASTS = "lasts"
    TAKES_LONGER_THAN_IT_MAY = "takes longer than it may"
    ANSWERS_TOO_MUCH = "answers too much"


class Somebody(Enum):
    """What somebody does meanwhile."""

    STOPS_THE_WORK = "somebody stops it"
    STOPS_THE_RUN = "somebody stops the run"


@dataclass(frozen=True)
class Kind:
    name: str
    error: str
    start: str  # the operation that starts it
    subject: str  # what causes call it
    throttled: str  # the fault that refuses three starts and strikes none
    lost: str  # the error of a start whose answer is lost
    missing: str  # what the cause says when nothing has the name
    says: str = WORDS  # the words of a failure
    stopped: str = ""  # what the cause says when somebody stopped it; what cannot be stopped has none

    @property
    def thing(self) -> str:
        """What has a name."""
        return "workgroup" if self.name == "query" else self.name


@dataclass(frozen=True)
class Case:
    """One row: a run of one step, and what comes of it."""

    name: str
    kind: Kind
    ends: str = "SUCCEEDED"
    says: tuple[str, ...] = ()
    does: Does = Does.SUCCEEDS
    step: Mapping[str, Any] = field(default_factory=dict)
    run: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    meanwhile: Somebody | None = None
    begun: int = 1  # how many times the work began
    starts: int | None = None  # calls that were to start it; None: as many as began
    failure: str = ""  # of an optional step, in the run's output
    allowed: bool = True  # whether the stack has name patterns
    pauses: bool = False  # until its deadline, once the work has failed
    missing: bool = False  # whether there is no such function and so on
    crawls: int = 0  # of the step's crawler, which fails

    @property
    def then(self) -> str:
        return "it is stopped" if self.meanwhile and self.kind.stopped else ""


JOB = Kind(
    "job",
    "JobFailed",
    "StartJobRun",
    "job {name}",
    "3 ThrottlingException",
    lost="Glue.InternalServiceException: ",
    missing="Glue.EntityNotFoundException: ",
    stopped="the run ended as STOPPED",
)
FUNCTION = Kind(
    "function",
    "FunctionFailed",
    "Invoke",
    "function {name}",
    "2 TooManyRequestsException, 1 ThrottlingException",
    says=f"ValueError: {WORDS}",
    lost="Lambda.ServiceException: ",
    missing="Lambda.ResourceNotFoundException: ",
)
QUERY = Kind(
    "query",
    "QueryFailed",
    "StartQueryExecution",
    "query in workgroup {name}",
    "2 TooManyRequestsException, 1 ThrottlingException",
    says="TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.work.{table}' does not exist",
    lost="Athena.InternalServerException: ",
    missing="Athena.InvalidRequestException: WorkGroup is not found",
    stopped="Query cancelled by user",
)
MACHINE = Kind(
    "machine",
    "MachineFailed",
    "StartExecution",
    "machine {name}",
    "2 ThrottlingException, 1 ExecutionLimitExceeded",
    says=f"Own: {WORDS}",
    lost="StepFunctions.AWSStepFunctionsException: ",
    missing="StepFunctions.StateMachineDoesNotExistException: ",
    stopped="ABORTED: the table is mended first",
)
KINDS = (JOB, FUNCTION, QUERY, MACHINE)


def cases(kind: Kind) -> Iterator[Case]:
    """What can happen to each kind of work."""
    a, error = f"A {kind.name}", kind.error
    step, run = {"timeoutSeconds": SECONDS}, {"timeoutSeconds": SECONDS}
    of_step, of_run = (f"not done within the {SECONDS} s of the {what}: " for what in ("step", "run"))
    still = "it is still running"
    again: dict[str, Any] = {"step": {"retries": 2}}
    yield Case(f"{a} succeeds", kind)
    yield Case(f"{a} fails", kind, error, (kind.says,), Does.FAILS)
    yield Case(f"{a} is throttled at its start", kind, tags=fault(kind.start, kind.throttled), starts=4)
    yield Case(
        f"{a} is throttled at its start beyond the step's deadline",
        kind,
        "StepTimedOut",
        (of_step, "Rate exceeded"),
        tags=fault(kind.start, "forever ThrottlingException"),
        step=step,
        begun=0,
    )
    yield Case(
        f"{a} with retries may not be started",
        kind,
        error,
        ("Error Code: AccessDeniedException",),
        tags=fault(kind.start, "1 AccessDeniedException"),
        begun=0,
        starts=1,
        **again,
    )
    yield Case(
        f"{a} has no name pattern in the stack",
        kind,
        error,
        ("is not authorized to perform: ", "Error Code: AccessDeniedException"),
        begun=0,
        starts=0,
        allowed=False,
    )
    yield Case(
        f"{a} with retries starts, and the answer is lost",
        kind,
        error,
        (kind.lost,),
        tags=fault(kind.start, "1 lost-response"),
        **again,
    )
    yield Case(f"There is no such {kind.thing}", kind, error, (kind.missing,), missing=True, begun=0, **again)
    yield Case(
        f"{a} with retries lasts beyond the step's deadline",
        kind,
        "StepTimedOut",
        (of_step + still,),
        Does.LASTS,
        {**step, "retries": 2},
    )
    yield Case(f"{a} lasts beyond the run's deadline", kind, "PipelineTimedOut", (of_run + still,), Does.LASTS, run=run)
    yield Case(
        f"{a} is under way, and somebody stops the run",
        kind,
        "ABORTED",
        does=Does.LASTS,
        meanwhile=Somebody.STOPS_THE_RUN,
    )
    if kind.stopped:
        yield Case(
            f"{a} with retries is stopped by somebody",
            kind,
            error,
            (kind.stopped,),
            Does.LASTS,
            meanwhile=Somebody.STOPS_THE_WORK,
            **again,
        )
    yield Case(f"{a} with retries fails twice", kind, does=Does.FAILS_TWICE, begun=3, **again)
    yield Case(f"{a} with retries fails every time", kind, error, (kind.says,), Does.FAILS, begun=3, **again)
    yield Case(
        f"{a} fails, and the step's deadline passes in the pause before a retry",
        kind,
        "StepTimedOut",
        ("not done within the 20 s of the step: " + kind.says,),
        Does.FAILS,
        {"timeoutSeconds": 20, "retries": 20},
        pauses=True,
    )
    yield Case(
        f"{a} that is optional fails", kind, does=Does.FAILS, says=(kind.says,), step={"optional": True}, failure=error
    )
    yield Case(
        f"{a} that is optional lasts beyond the step's deadline",
        kind,
        does=Does.LASTS,
        says=(of_step + still,),
        step=step | {"optional": True},
        failure="StepTimedOut",
    )
    yield Case(
        f"{a} lasts beyond the run's deadline, and is optional",
        kind,
        "PipelineTimedOut",
        (of_run + still,),
        Does.LASTS,
        {"optional": True},
        run,
    )
    yield Case(f"{a} with retries succeeds, and its crawl fails", kind, "CrawlFailed", (UNREADABLE,), crawls=1, **again)
    yield Case(
        f"{a} that is optional succeeds, and its crawl fails",
        kind,
        says=(UNREADABLE,),
        step={"optional": True},
        failure="CrawlFailed",
        crawls=1,
    )


def too_large(kind: Kind) -> Iterator[Case]:
    """An answer that Step Functions does not take, of the kinds whose answers others write."""
    answers, words = Does.ANSWERS_TOO_MUCH, ("States.DataLimitExceeded: ", "exceeding the maximum number of bytes")
    a, more = f"A {kind.name}", "answers more than 256 KiB"
    yield Case(f"{a} with retries {more}", kind, kind.error, words, answers, {"retries": 2})
    yield Case(
        f"{a} that is optional {more}", kind, says=words, does=answers, step={"optional": True}, failure=kind.error
    )


ODD_INPUT = {"Status": "ABORTED", "Error": "Nothing", "errorMessage": "all is well"}
WORK = [
    *(case for kind in KINDS for case in cases(kind)),
    *(case for kind in (FUNCTION, MACHINE) for case in too_large(kind)),
    Case(
        "A function waits for its network interface and its snapshot",
        FUNCTION,
        tags=fault("Invoke", "1 EC2ThrottledException, 1 ENILimitReachedException, 1 SnapStartNotReadyException"),
        starts=4,
    ),
    Case(
        "A function with retries may not read its key",
        FUNCTION,
        "FunctionFailed",
        ("Lambda.KMSAccessDeniedException: ",),
        tags=fault("Invoke", "1 KMSAccessDeniedException"),
        step={"retries": 2},
        begun=0,
        starts=1,
    ),
    Case(
        "A machine fails whose input looks like the end of another one",
        MACHINE,
        "MachineFailed",
        (MACHINE.says,),
        Does.FAILS,
        {"input": ODD_INPUT, "retries": 1},
        begun=2,
    ),
    Case(
        "A function fails, and the run's deadline passes in the pause before a retry",
        FUNCTION,
        "PipelineTimedOut",
        ("not done within the 20 s of the run: " + FUNCTION.says,),
        Does.FAILS,
        {"retries": 20},
        {"timeoutSeconds": 20},
        pauses=True,
    ),
    Case(
        "A function with retries outlives its own timeout",
        FUNCTION,
        "FunctionFailed",
        ("Task timed out after 5.00 seconds",),
        Does.TAKES_LONGER_THAN_IT_MAY,
        {"retries": 1},
        begun=2,
    ),
    Case(
        "A machine with retries outlives its own timeout",
        MACHINE,
        "MachineFailed",
        ("TIMED_OUT",),
        Does.TAKES_LONGER_THAN_IT_MAY,
        {"retries": 1},
        begun=2,
    ),
    Case(
        "A query may not read its data",
        QUERY,
        "QueryFailed",
        ("Permission denied on S3 path: s3://not-granted/orders",),
        step={"query": "SELECT * FROM work.not_granted"},
    ),
]
