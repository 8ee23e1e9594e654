"""`tfpipeline evaluate-stream`: false alarms an hour and missed words over long recordings."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfpipeline.detection import OperatingPoint
    from tfpipeline.recipes.stream_evaluation import StreamEvaluation

HELP = (
    "count the false alarms an hour and the missed words of a model over long recordings; exit "
    "status 1 if no cutoff is within the false alarms that are allowed"
)
EXAMPLE = (
    "tfpipeline evaluate-stream demo-out/kws.stream.tflite recordings/test "
    "--validation recordings/validation --out evaluation"
)
_SHOWN = (0.1, 0.3, 0.5, 0.7, 0.8)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "model", type=Path, help=".tflite made by this package, streaming or whole, or .keras"
    )
    parser.add_argument(
        "recordings",
        type=Path,
        help="folder of WAV files; words spoken in NAME.wav are in NAME.txt, lines of "
        "START<TAB>END<TAB>LABEL in seconds (Audacity's labels); without it none is",
    )
    parser.add_argument(
        "--validation", type=Path, metavar="DIR", help="other recordings, to choose the cutoff on"
    )
    parser.add_argument(
        "--false-alarms",
        type=float,
        default=1.0,
        metavar="N",
        help="an hour, at most, where the cutoff is chosen (default: 1)",
    )
    parser.add_argument("--cutoff", type=float, help="take this one instead of choosing")
    group = parser.add_argument_group("detector, in seconds")
    group.add_argument("--window", type=float, default=0.1, help="mean of scores (default: 0.1)")
    group.add_argument(
        "--refractory", type=float, default=1.0, help="pause after a detection (default: 1)"
    )
    group.add_argument(
        "--tolerance",
        type=float,
        default=0.5,
        help="how long after its end a word may be found (default: 0.5)",
    )
    group.add_argument(
        "--hop", type=float, default=0.1, help="step of a model of whole sequences (default: 0.1)"
    )
    parser.add_argument(
        "--card", type=Path, metavar="FILE", help="of a .keras model: .card.json of its export"
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="write results.json and curve.svg there"
    )
    parser.add_argument("--json", action="store_true", help="print the results as JSON")


def run(arguments: argparse.Namespace) -> int:
    from tfpipeline.cli.output import print_json, say_error
    from tfpipeline.extras import require_modules
    from tfpipeline.recipes.stream_evaluation import StreamSettings, evaluate_stream

    if arguments.out is not None:
        # Before what takes long.
        require_modules("matplotlib")
    settings = StreamSettings(
        window=arguments.window,
        refractory=arguments.refractory,
        tolerance=arguments.tolerance,
        most_false_alarms=arguments.false_alarms,
        cutoff=arguments.cutoff,
        hop=arguments.hop,
    )
    found = evaluate_stream(
        arguments.model, arguments.recordings, arguments.validation, settings, arguments.card
    )
    results = found.to_dict()
    if arguments.out is not None:
        _write(arguments.out, results)
    if arguments.json:
        print_json(results)
    else:
        _print(found)
    if found.validation is None or found.reported is not None:
        return 0
    say_error(
        f"no cutoff has at most {settings.most_false_alarms:g} false alarms an hour on the "
        "validation recordings; allow more with --false-alarms, or train on what is taken for words"
    )
    return 1


def _write(folder: Path, results: dict[str, object]) -> None:
    from tfpipeline.recipes.atomic import replacing, write_json
    from tfpipeline.report.detection_plot import misses_against_false_alarms
    from tfpipeline.report.theme import LIGHT

    with replacing(folder / "curve.svg") as partial:
        partial.write_text(misses_against_false_alarms(results, LIGHT), encoding="utf-8")
    write_json(folder / "results.json", results)


def _print(found: StreamEvaluation) -> None:
    from tfpipeline.cli.output import print_table

    hours = found.test.seconds / 3600
    spoken = int(found.test.spoken.sum())
    print(f"{len(found.recordings)} recordings, {hours:.2f} hours, {spoken} spoken words")
    if found.reported is None:
        points = found.test.points()
        shown = [point for point in points if round(point.cutoff, 6) in _SHOWN] + points[-1:]
        print_table(_HEADER, [_row(f"cutoff {point.cutoff:.4g}", point) for point in shown])
        if found.validation is None:
            print("no cutoff was chosen: name other recordings with --validation, or a --cutoff")
        return
    how = "as given" if found.chosen is None else "chosen on validation"
    print(f"cutoff {found.reported.cutoff:.4g}, {how}")
    rows = [_row(word, point) for word, point in found.by_word().items() if point.words]
    alarms = [_row(word, p) for word, p in found.by_word().items() if not p.words]
    everything = [_row("all", found.reported)]
    if found.chosen is not None:
        everything.append(_row("all, on validation", found.chosen))
    print_table(_HEADER, [*rows, *alarms, *everything])


_HEADER = ("", "spoken", "missed", "miss rate", "false alarms", "an hour")


def _row(name: str, point: OperatingPoint) -> tuple[str, ...]:
    rate, hourly = point.miss_rate, point.false_alarms_per_hour
    return (
        "".join(c if c.isprintable() else "?" for c in name),
        str(point.words),
        str(point.misses),
        "" if rate is None else f"{100 * rate:.1f} %",
        str(point.false_alarms),
        "" if hourly is None else f"{hourly:.2f}",
    )
