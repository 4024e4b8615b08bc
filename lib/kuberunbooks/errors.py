"""Everything that can go wrong, as one tree.

    RunbookError
    ├── SettingsError                 exit status 2: what the person asked for makes no sense
    │   ├── UnknownRunbook
    │   ├── UnknownParameter
    │   ├── BadParameter
    │   ├── BadSettings               a settings or preset file
    │   ├── OutputInUse               another run writes this folder
    │   ├── KubeconfigError           missing, malformed, unknown context
    │   └── CaseError
    │       ├── CaseMissing           no such file or folder
    │       ├── CaseUnreadable        truncated, not an archive, no right to read it
    │       ├── CaseAlien             an archive, but not a case
    │       └── CaseHostile           path traversal, links, bombs
    ├── ClusterError                  exit status 3: the API server did not give an answer
    │   ├── CredentialsFailed         exec plugin failed, token or certificate expired
    │   ├── Unreachable               refused, no route, name does not resolve
    │   │   ├── TlsFailed
    │   │   └── TimedOut
    │   ├── Refused                   an HTTP status that is no answer
    │   │   ├── Unauthorized          401
    │   │   ├── Forbidden             403
    │   │   ├── NotFound              404
    │   │   ├── Gone                  410
    │   │   ├── Throttled             429
    │   │   └── ServerFault           5xx
    │   ├── BadAnswer                 HTML, cut off, null, not the kind asked for
    │   └── NotCollected              a case that does not hold the answer
    └── NotebookError                 exit status 4: the notebook itself failed
        ├── CellFailed
        ├── CellTimedOut
        ├── RunTimedOut
        ├── RunStopped                a signal asked for the end
        ├── KernelDied
        └── DiskFull

Every error is one sentence (`str(error)`) and says what to do next (`advice`).
Raised by every layer; the command line turns them into an exit status, a step
turns a ClusterError into a finding.
"""

from __future__ import annotations

from typing import ClassVar


class RunbookError(Exception):
    """Base of all errors of this package: one sentence, and what to do next."""

    exit_status: ClassVar[int] = 4
    advice: str = ""

    def __init__(self, sentence: str, *, advice: str = "") -> None:
        super().__init__(sentence)
        if advice:
            self.advice = advice


class SettingsError(RunbookError):
    """What was asked for makes no sense."""

    exit_status = 2


class UnknownRunbook(SettingsError):
    """No notebook has this name."""

    advice = "`runbook list` shows what there is; `--runbooks DIR` adds a folder of your own."


class UnknownParameter(SettingsError):
    """The notebook has no parameter of this name."""

    advice = "`runbook describe NAME` lists the parameters of a runbook."


class BadParameter(SettingsError):
    """A parameter has the wrong type or an impossible value."""

    advice = "`runbook describe NAME` lists the parameters with their types."


class BadSettings(SettingsError):
    """A settings or preset file cannot be used."""


class OutputInUse(SettingsError):
    """Another run is writing to the same folder."""

    advice = "Wait for it to end, or give another folder with --out."


class KubeconfigError(SettingsError):
    """The kubeconfig is missing, malformed, or lacks the context."""

    advice = "`kubectl config get-contexts` shows what the kubeconfig holds."


class CaseError(SettingsError):
    """A recorded case cannot be used."""


class CaseMissing(CaseError):
    """There is no such file or folder."""


class CaseUnreadable(CaseError):
    """The file is empty, truncated, or may not be read."""

    advice = "Copy the case again, or record a new one with `runbook run` or `runbook record`."


class CaseAlien(CaseError):
    """The file or folder can be read but is no case."""

    advice = "A case holds version.json and API paths such as api/v1/nodes.json; see docs/case-format.md."


class CaseHostile(CaseError):
    """The archive tries to write or read outside itself, or to fill the disk."""

    advice = "Do not open this file. Ask whoever sent it for a new recording."


class ClusterError(RunbookError):
    """The API server did not give an answer."""

    exit_status = 3


class CredentialsFailed(ClusterError):
    """The credentials could not be obtained or are no longer valid."""

    advice = "Log in again with the tool your kubeconfig names, then `kubectl auth whoami`."


class Unreachable(ClusterError):
    """No connection to the API server."""

    advice = "`kubectl cluster-info` from the same machine shows whether the API server can be reached."


class TlsFailed(Unreachable):
    """The connection is not trusted: certificate, name, or protocol."""

    advice = "Compare certificate-authority-data and tls-server-name of the kubeconfig with the server's own."


class TimedOut(Unreachable):
    """No answer within the deadline."""


class Refused(ClusterError):
    """An HTTP status that is no answer; `status` and `path` say which and to what.

    `text` is the whole answer where it was plain text, as that of a failing health check.
    """

    status: int = 0

    def __init__(
        self, sentence: str, *, path: str = "", status: int = 0, advice: str = "", text: str = ""
    ) -> None:
        super().__init__(sentence, advice=advice)
        self.path = path
        self.status = status or type(self).status
        self.text = text


class Unauthorized(Refused):
    """401: the server does not know who asks."""

    status = 401
    advice = "Log in again with the tool your kubeconfig names, then `kubectl auth whoami`."


class Forbidden(Refused):
    """403: the server knows who asks and says no."""

    status = 403
    advice = "Bind the read-only role of deploy/rbac to this user, or run as somebody who has it."


class NotFound(Refused):
    """404 that names the object: it does not exist. For a path nobody serves it is Refused."""

    status = 404


class Gone(Refused):
    """410: the list moved on while it was read."""

    status = 410


class Throttled(Refused):
    """429: the server is overloaded and said so until we gave up."""

    status = 429
    advice = "Try again in a minute; `kubectl get --raw /readyz?verbose` shows how the server is."


class ServerFault(Refused):
    """5xx: the server failed."""

    status = 500
    advice = "`kubectl get --raw /readyz?verbose` shows what the API server says of itself."


class BadAnswer(ClusterError):
    """The answer cannot be read: HTML of a proxy, cut off, null, another kind."""

    advice = "Check that the kubeconfig's server is an API server and not a login page or a proxy."


class NotCollected(ClusterError):
    """A recorded case does not hold the answer to this question."""

    def __init__(self, sentence: str, *, path: str = "") -> None:
        super().__init__(sentence)
        self.path = path


class NotebookError(RunbookError):
    """The notebook itself failed."""


class CellFailed(NotebookError):
    """A cell raised an exception."""


class CellTimedOut(NotebookError):
    """A cell ran past its deadline and was interrupted."""


class RunTimedOut(NotebookError):
    """The run as a whole ran past its deadline."""

    advice = "The report holds what was found until then; give it longer with --timeout."


class RunStopped(NotebookError):
    """SIGINT or SIGTERM asked the run to end."""

    advice = "The report holds what was found until then; start the run again for the rest."


class KernelDied(NotebookError):
    """The kernel process ended before the notebook did."""


class DiskFull(NotebookError):
    """There is no room left for the results."""
