"""What ministack lacks, or does unlike AWS; each module names the AWS document it follows."""

from local.extensions import (
    cloudtrail,
    contract,
    control,
    crawlers,
    deliveries,
    expressions,
    faults,
    functions,
    glue_api,
    history,
    integrations,
    jobs,
    resources,
    states,
)

EXTENSIONS = (
    glue_api,
    crawlers,
    jobs,
    history,
    integrations,
    states,
    expressions,
    functions,
    deliveries,
    cloudtrail,
    faults,
    resources,
    control,
)


def install() -> None:
    """Replaces ministack's private names, once and before it serves anything."""
    contract.check_version()
    for extension in EXTENSIONS:
        extension.install()
