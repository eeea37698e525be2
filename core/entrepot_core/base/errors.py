"""What can end a command, and the exit status that says so to scripts."""

from __future__ import annotations

# Of every command; the texts are those of `--help` and of the documentation.
EXIT_STATUSES = {
    0: "done",
    1: "failed: nothing was published; of a night, a source failed",
    2: "refused before any work",
    3: "another run holds the lock, on this machine or another",
    4: "published, but something after it failed or differed",
    130: "ended by SIGINT",
    143: "ended by SIGTERM",
}


class ReplicaError(Exception):
    """A failure that is explained to the operator in one message.

    Attributes:
        exit_code: The process's exit status.
        hint: What to do about it, in one sentence; empty when the message says it all.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        """Keep the message and the advice.

        Args:
            message: What happened, naming the object concerned.
            hint: What to do about it.
        """
        super().__init__(message)
        self.hint = hint


class RunFailed(ReplicaError):
    """The run failed; readers keep the previous night."""


class ToolKilled(RunFailed):
    """A client tool was ended by a signal, which says nothing of what it was reading."""


class TransientFailure(RunFailed):
    """A failure that a new attempt, from a new snapshot, may well not meet."""


class Refused(ReplicaError):
    """Something known before work starts makes the run impossible or dangerous.

    Attributes:
        problems: Every problem found, so that all are mended at once.
    """

    exit_code = 2

    def __init__(self, problems: list[str]) -> None:
        """Keep the problems.

        Args:
            problems: One sentence each.
        """
        super().__init__("\n".join(problems))
        self.problems = problems


class AnotherRun(ReplicaError):
    """Another run holds the warehouse's lock."""

    exit_code = 3


class PublishedWithFault(ReplicaError):
    """The new night is published, but something after it failed."""

    exit_code = 4


class Differs(ReplicaError):
    """Rows of append tables differed from the source's; the message says what was done."""

    exit_code = 4


class Interrupted(BaseException):
    """A signal asked the run to end.

    No failure of a part, so that nothing that goes on in spite of one can go on in spite of a
    signal: as `KeyboardInterrupt`, it is none of `Exception`.

    Attributes:
        exit_code: The process's exit status.
        signal_number: As in the `signal` module.
    """

    def __init__(self, signal_number: int, reason: str) -> None:
        """Keep the signal.

        Args:
            signal_number: As in the `signal` module; the exit status is 128 more.
            reason: What happened, for the record.
        """
        super().__init__(reason)
        self.signal_number = signal_number
        self.exit_code = 128 + signal_number
