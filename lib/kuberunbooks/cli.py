"""The command `runbook`: reads what was typed, hands it to run/, prints what came of it.

Nothing heavy is imported before a command needs it: `runbook list` is typed at
03:00 too. Errors are one sentence and what to do next, on stderr, with the exit
status of the error; `--debug` shows the traceback.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from kuberunbooks import __version__
from kuberunbooks.errors import BadParameter, RunbookError

if TYPE_CHECKING:
    from kuberunbooks.acting.leftovers import Leftovers
    from kuberunbooks.run.library import Runbook
    from kuberunbooks.run.runner import Outcome

RUNBOOKS = click.option(
    "--runbooks",
    metavar="DIR",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Folder with notebooks of your own; may be given again. RUNBOOK_PATH names such folders too.",
)
OUT = click.option("--out", metavar="DIR", type=click.Path(path_type=Path), help="Folder for the results.")
FAIL_ON = click.option(
    "--fail-on",
    type=click.Choice(["critical", "warning", "info"]),
    default=None,
    help="Exit with 1 when a finding is as bad as this, or worse.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="runbook")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def cli(context: click.Context, debug: bool) -> None:
    """Kubernetes incident runbooks: the root cause, its evidence and what to do next, in one report.

    \b
    Exit status:
      0  it ran
      1  it ran, and a finding reached --fail-on
      2  parameters or settings make no sense
      3  the cluster could not be reached or refused; a report saying so is written
      4  the notebook itself failed; a partial report is written

    \b
    Examples:
      runbook demo
      runbook run pods -p namespace=shop -p target=deployment/web
    """
    context.obj = debug


@cli.command("list")
@RUNBOOKS
@JSON
def list_(runbooks: tuple[Path, ...], as_json: bool) -> None:
    """List the runbooks.

    \b
    Examples:
      runbook list
      runbook list --runbooks ~/runbooks
    """
    from kuberunbooks.run import library

    rows, broken = [], []
    for name, path in library.notebooks(runbooks).items():
        try:
            rows.append((name, library.load(path).title, str(path)))
        except RunbookError as error:
            broken.append(f"{name} is left out: {error}")
    if as_json:
        click.echo(
            json.dumps([dict(zip(("name", "title", "path"), row, strict=True)) for row in rows], indent=1)
        )
    else:
        width = max((len(row[0]) for row in rows), default=0)
        for name, title, file in rows:
            own = "" if Path(file).parent == library.own_runbooks() else f"  ({file})"
            click.echo(f"{name:<{width}}  {title}{own}")
    for line in broken:
        click.echo(line, err=True)


@cli.command()
@click.argument("name")
@RUNBOOKS
@JSON
def describe(name: str, runbooks: tuple[Path, ...], as_json: bool) -> None:
    """Describe a runbook: what it answers, its parameters and presets.

    \b
    Examples:
      runbook describe pods
    """
    from kuberunbooks.run import library, presets

    runbook = library.find(name, runbooks)
    named = presets.presets(runbook)
    if as_json:
        described = {
            "name": runbook.name,
            "title": runbook.title,
            "purpose": runbook.purpose,
            "path": str(runbook.path),
            "parameters": [one._asdict() for one in runbook.parameters],
            "presets": named,
        }
        click.echo(json.dumps(described, indent=1))
        return
    click.echo(f"{runbook.title}\n\n{runbook.purpose}\n\nParameters (-p name=value):")
    formatter = click.HelpFormatter(max_width=100)
    formatter.write_dl(
        [(f"{one.name}: {one.type} = {json.dumps(one.default)}", one.help) for one in runbook.parameters]
    )
    click.echo(formatter.getvalue().rstrip())
    if named:
        click.echo("\nPresets (--preset NAME):")
        for preset, values in named.items():
            click.echo(f"  {preset}  " + " ".join(f"{key}={value}" for key, value in values.items()))


@cli.command()
@click.argument("name")
@click.option("-p", "pairs", metavar="NAME=VALUE", multiple=True, help="A parameter; may be given again.")
@click.option(
    "--preset", metavar="NAME|FILE", help="Parameters from parameters/RUNBOOK.yaml, or a YAML file."
)
@click.option("--case", metavar="PATH", help="Short for -p case=PATH: a recorded case instead of a cluster.")
@click.option("--context", metavar="CTX", help="Short for -p context=CTX: a kubeconfig context.")
@click.option("-n", "--namespace", metavar="NS", help="Short for -p namespace=NS.")
@OUT
@FAIL_ON
@JSON
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=1),
    default=600,
    show_default=True,
    help="Longest run.",
)
@click.option(
    "--cell-timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=1),
    default=120,
    show_default=True,
    help="Longest time for one cell.",
)
@RUNBOOKS
def run(
    name: str,
    pairs: tuple[str, ...],
    preset: str | None,
    case: str | None,
    context: str | None,
    namespace: str | None,
    out: Path | None,
    fail_on: str | None,
    as_json: bool,
    timeout: float,
    cell_timeout: float,
    runbooks: tuple[Path, ...],
) -> int:
    """Run a runbook headless and write its report.

    The results go to a new folder under reports/, or to --out, whose older
    results are replaced once the new ones are complete: report.html,
    report.json, summary.md, notebook.ipynb and case.zip. -p wins over --preset.

    \b
    Examples:
      runbook run pods -p namespace=shop
      runbook run pods --context prod -n shop -p target=deployment/web --out reports/web
      runbook run pods --case incident.zip -n shop --fail-on critical
      runbook run pods --preset whole-cluster --json
    """
    from kuberunbooks.run import library

    runbook = library.find(name, runbooks)
    shorthands = {"case": case, "context": context, "namespace": namespace}
    values = _parameters(runbook, preset, pairs, shorthands)
    return _run(runbook, values, out=out, fail_on=fail_on, as_json=as_json, timeouts=(timeout, cell_timeout))


@cli.command()
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(path_type=Path),
    default=Path("reports/demo"),
    show_default=True,
    help="Folder for the results.",
)
@JSON
def demo(out: Path, as_json: bool) -> int:
    """Run the pods runbook on a recorded incident; no cluster needed.

    \b
    Examples:
      runbook demo
      runbook demo --out /tmp/demo
    """
    from kuberunbooks.run import library

    values = {"case": str(library.demo_case()), "namespace": "crashloop", "target": "deployment/payments"}
    return _run(library.load(library.own_runbooks() / "pods.ipynb"), values, out=out, as_json=as_json)


@cli.command()
@click.option("-n", "--namespace", metavar="NS", help="The namespace to record.")
@click.option("-A", "--all-namespaces", is_flag=True, help="Record all namespaces.")
@click.option("--context", metavar="CTX", default="", help="The kubeconfig context; the current one without.")
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("case.zip"),
    show_default=True,
    help="The case to write.",
)
def record(namespace: str | None, all_namespaces: bool, context: str, out: Path) -> None:
    """Record a case without running a runbook: save what is there now, look at it later.

    Takes the objects and events of the namespace, what they depend on
    cluster-wide, and the logs of containers that are not well. Secrets are
    replaced by pseudonyms; Secret objects are not read.

    \b
    Examples:
      runbook record -n shop --out shop.zip
      runbook run pods --case shop.zip -n shop
    """
    from kuberunbooks.run.record import record as take

    if bool(namespace) == all_namespaces:
        raise click.UsageError("Give a namespace with -n, or -A for all.")
    taken = take(context, namespace or "", out)
    click.echo(f"{taken.path} holds {taken.pods} pods and {taken.logs} logs.")
    for refusal in [*taken.coverage.refused, *taken.coverage.missing]:
        click.echo(f"  Not recorded: {refusal.what}: {refusal.why}")
    for what in taken.coverage.truncated:
        click.echo(f"  Cut short: {what}")


@cli.command()
@click.option("-n", "--namespace", metavar="NS", help="Where to look.")
@click.option("-A", "--all-namespaces", is_flag=True, help="Look in all namespaces.")
@click.option("--context", metavar="CTX", default="", help="The kubeconfig context; the current one without.")
@click.option("--yes", is_flag=True, help="Remove them without asking.")
def cleanup(namespace: str | None, all_namespaces: bool, context: str, yes: bool) -> int:
    """Remove debugging pods that were left behind.

    Finds the pods that runs with allow_actions made and could not remove (a run
    that was killed), and the node-debugger pods that kubectl debug leaves; lists
    them, asks, and deletes them. A run that is still going on needs its own.

    \b
    Exit status:
      0  nothing is left
      1  they were listed and not removed, or some could not be

    \b
    Examples:
      runbook cleanup -n shop
      runbook cleanup --context prod -A --yes
    """
    from kuberunbooks.acting.leftovers import Leftovers

    if bool(namespace) == all_namespaces:
        raise click.UsageError("Give a namespace with -n, or -A for all.")
    leftovers = Leftovers(context)
    try:
        return _clean_up(leftovers, namespace or "", yes)
    finally:
        leftovers.close()


@cli.command()
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False))
def new(path: Path) -> None:
    """Start a runbook of your own from the template.

    \b
    Examples:
      runbook new ~/runbooks/queues.ipynb
      runbook run queues --runbooks ~/runbooks
    """
    from kuberunbooks.run import library
    from kuberunbooks.run.output import disk_errors

    if path.suffix != ".ipynb":
        raise BadParameter(f"{path} is no name for a notebook.", advice="Give it one that ends in .ipynb.")
    if path.exists():
        raise BadParameter(f"{path} is there already.", advice="Give another name, or remove it first.")
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(library.template().read_bytes())
    click.echo(f"{path} is yours. Try it with: runbook run {path.stem} --runbooks {path.parent}")


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), required=False)
@click.option("--no-browser", is_flag=True, help="Print the address instead of opening it.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port on loopback; a free one from 8888 without.")
def lab(folder: Path | None, no_browser: bool, port: int | None) -> None:
    """Open JupyterLab on the runbooks.

    In a checkout that is runbooks/. An installed package copies its notebooks to
    ./runbooks first, where they may be changed; those already there are kept.

    \b
    Examples:
      runbook lab
      runbook lab ~/runbooks
      runbook lab --no-browser --port 8900
    """
    from kuberunbooks.run import lab as jupyterlab

    options = ["--no-browser"] if no_browser else []
    if port is not None:
        options.append(f"--port={port}")
    jupyterlab.start(folder, options)


def main() -> NoReturn:
    """Runs the command line; every ending is an exit status, no traceback without --debug."""
    try:
        status = cli.main(standalone_mode=False) or 0
    except RunbookError as error:
        _complain(error, str(error), error.advice)
        status = error.exit_status
    except click.ClickException as error:
        error.show()
        status = 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        status = 130
    except Exception as error:
        advice = "This is a fault of runbook itself; `runbook --debug ...` shows where."
        _complain(error, f"{type(error).__name__}: {error}", advice)
        status = 4
    sys.exit(status)


def _clean_up(leftovers: Leftovers, namespace: str, yes: bool) -> int:
    from kuberunbooks.errors import ClusterError
    from kuberunbooks.redaction import Redactor

    found = leftovers.find(namespace)
    where = f"in namespace {namespace}" if namespace else "in any namespace"
    if not found:
        click.echo(f"No debugging pod is left {where} of {leftovers.server}.")
        return 0
    click.echo(f"Left on {leftovers.server}:")
    for one in found:
        click.echo(f"  {Redactor().text(one.text)}")
    if not yes and not click.confirm(f"Delete {'it' if len(found) == 1 else f'these {len(found)}'}?"):
        return 1
    status = 0
    for one in found:
        try:
            gone = leftovers.remove(one)
        except ClusterError as error:
            status = 1
            click.echo(f"  {one.pod.name} could not be deleted: {error}", err=True)
        else:
            click.echo(f"  {one.pod.name} {'deleted' if gone else 'was gone already'}")
    return status


def _parameters(
    runbook: Runbook, preset: str | None, pairs: tuple[str, ...], shorthands: Mapping[str, str | None]
) -> dict[str, Any]:
    """Preset, then -p, then the shorthands; later ones win. All are checked against the parameters cell."""
    from kuberunbooks.run import parameters, presets

    values = presets.preset(runbook, preset) if preset else {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals:
            raise BadParameter(f"-p {pair} is no parameter; write -p name=value.")
        values[key] = parameters.from_text(runbook.parameters, key, text)
    for key, given in shorthands.items():
        if given is not None:
            values[key] = parameters.from_text(runbook.parameters, key, given)
    return values


def _run(
    runbook: Runbook,
    values: dict[str, Any],
    *,
    out: Path | None,
    as_json: bool,
    fail_on: str | None = None,
    timeouts: tuple[float, float] = (600.0, 120.0),
) -> int:
    from kuberunbooks.run import progress, runner

    order = runner.Order(
        runbook=runbook,
        parameters=values,
        out=out,
        run_timeout=timeouts[0],
        cell_timeout=timeouts[1],
        fail_on=fail_on or "",
        progress=progress.for_stderr(),
    )
    outcome = runner.run(order)
    if as_json:
        click.echo(json.dumps(_for_machines(outcome), indent=1))
    else:
        _print_for_people(outcome)
    return outcome.exit_status


def _print_for_people(outcome: Outcome) -> None:
    from kuberunbooks import report

    text = report.terminal(outcome.report, {name: _near(path) for name, path in outcome.files.items()})
    for name, why in outcome.missing.items():
        text.append(f"\n  No {name}: {why}.")
    if sys.stdout.isatty():
        from rich.console import Console

        Console(highlight=False).print(text)
    else:
        click.echo(text.plain)


def _near(path: Path) -> Path:
    """As a person here would write it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _for_machines(outcome: Outcome) -> dict[str, Any]:
    report = outcome.report
    return {
        "runbook": report.runbook,
        "verdict": report.verdict,
        "severity": report.severity,
        "headline": report.headline.code if report.headline else None,
        "failure": report.failure.sentence if report.failure else None,
        "folder": str(outcome.folder),
        "files": {name: str(path) for name, path in outcome.files.items()},
        "missing": outcome.missing,
        "exit_status": outcome.exit_status,
    }


def _complain(error: Exception, sentence: str, advice: str) -> None:
    if "--debug" in sys.argv:
        import traceback

        traceback.print_exception(error)
    click.echo(f"Error: {sentence}", err=True)
    if advice:
        click.echo(advice, err=True)


if __name__ == "__main__":
    main()
