"""Parses the command line, runs one verb, and turns errors into one sentence and an exit status.

Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted with Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence

from tfpipeline.cli import (
    advise,
    benchmark,
    compress,
    demo,
    doctor,
    evaluate_stream,
    export,
    inspect,
    report,
    run,
    study,
    train,
    train_stream,
    verify,
)
from tfpipeline.cli.output import one_sentence, say_error
from tfpipeline.cli.quiet import quiet_environment, quiet_native_code
from tfpipeline.errors import TfpipelineError
from tfpipeline.extras import missing_extra

_VERBS = (
    demo,
    train,
    compress,
    advise,
    train_stream,
    export,
    inspect,
    verify,
    run,
    evaluate_stream,
    benchmark,
    report,
    study,
    doctor,
)

FAILED = 1
INTERRUPTED = 130


class _Version(argparse.Action):
    """Prints the version; reads it only when asked, which keeps `--help` quick."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from tfpipeline import __version__

        parser.exit(message=f"tfpipeline {__version__}\n")


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of all verbs."""
    parser = argparse.ArgumentParser(
        prog="tfpipeline",
        description="Recurrent models from model.fit to a phone or a Raspberry Pi.",
        epilog="example: tfpipeline demo --out demo-out",
        formatter_class=_help_format,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", dest="verb", required=True)
    for module in _VERBS:
        name = module.__name__.rpartition(".")[2].replace("_", "-")
        verb = verbs.add_parser(
            name,
            help=module.HELP,
            description=module.HELP[0].upper() + module.HELP[1:] + ".",
            epilog=f"example: {module.EXAMPLE}",
            formatter_class=_help_format,
        )
        module.add_arguments(verb)
        verb.add_argument("--debug", action="store_true", help="show the traceback of an error")
        verb.set_defaults(run=module.run)
    return parser


def _help_format(prog: str) -> argparse.HelpFormatter:
    return argparse.HelpFormatter(prog, max_help_position=28)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status; wrong usage exits with 2 by itself."""
    arguments = build_parser().parse_args(argv)
    if not arguments.debug:
        quiet_environment()
        if argv is None:
            quiet_native_code()
    try:
        status = arguments.run(arguments)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        print("\ninterrupted: finished steps were kept, unfinished files were not", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output, such as `head`, has left; what is still buffered goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        if arguments.debug:
            traceback.print_exc()
        say_error(_sentence_for(error))
        return FAILED


def _sentence_for(error: Exception) -> str:
    if isinstance(error, TfpipelineError | ValueError):
        return one_sentence(str(error))
    if isinstance(error, ImportError):
        extra = missing_extra(error)
        if extra is not None:
            return str(extra)
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        return f"{error.strerror}{where}"
    return (
        f"unexpected {type(error).__name__}: {one_sentence(str(error))} "
        "(run again with --debug for the traceback)"
    )


if __name__ == "__main__":
    sys.exit(main())
