"""What ministack lacks, or does unlike AWS; each module names the AWS document it follows."""

from local.aws import endpoints, patching, snapshots
from local.aws.athena import queries, workgroups
from local.aws.awslambda import bootstraps, errors, invocations, logs, roles
from local.aws.cloudformation import exports, resources
from local.aws.cloudformation import schedules as stack_schedules
from local.aws.cloudtrail import data_events
from local.aws.dynamodb import tables
from local.aws.eventbridge import deliveries
from local.aws.glue import api, crawlers, jobs
from local.aws.iam import requests
from local.aws.iam import roles as iam_roles
from local.aws.scheduler import schedules
from local.aws.sns import topics
from local.aws.sqs import messages
from local.aws.stepfunctions import (
    athena_queries,
    callbacks,
    executions,
    expressions,
    glue_jobs,
    history,
    integrations,
    nested_executions,
    sns_messages,
    state_machines,
    states,
)

EXTENSIONS = (
    snapshots,
    iam_roles,
    requests,
    api,
    crawlers,
    jobs,
    workgroups,
    queries,
    topics,
    messages,
    history,
    integrations,
    state_machines,
    executions,
    nested_executions,
    states,
    callbacks,
    glue_jobs,
    athena_queries,
    sns_messages,
    expressions,
    bootstraps,
    errors,
    invocations,
    logs,
    roles,
    deliveries,
    schedules,
    data_events,
    tables,
    resources,
    stack_schedules,
    exports,
    endpoints,
)


def install() -> None:
    """Replaces ministack's private names, once and before it serves anything."""
    patching.check_version()
    for extension in EXTENSIONS:
        extension.install()
