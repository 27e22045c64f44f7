"""What the commands have in common: a console, and one line instead of a traceback."""

import sys
from collections.abc import Callable

from botocore.exceptions import ClientError
from rich.console import Console
from rich.markup import escape

from local.aws import LocalAwsError

# A file may be wider than what is taken for a terminal's width where there is none.
console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)


class Failure(RuntimeError):
    """An error that the user can understand; the message says what failed and why."""


def exit_code(command: Callable[[], None]) -> int:
    """Runs it, and says in a line how it ended if not well."""
    try:
        command()
    except (Failure, LocalAwsError, ClientError) as error:
        console.print(f"[bold red]failed:[/] {escape(str(error))}", soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        console.print("\nstopped: nothing is left running")
        return 130
    return 0
