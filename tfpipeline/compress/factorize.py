"""From a model of plain Keras layers to the same model of factored ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from tfpipeline.compress.built_model import check_built
from tfpipeline.compress.carry_over import compile_like
from tfpipeline.compress.compression_error import CompressionError
from tfpipeline.compress.rebuild import Pairs, copy_trainable, layer_pairs, rebuild
from tfpipeline.compress.share_projection import check_kernel, share_projections, twins
from tfpipeline.layers import TWINS
from tfpipeline.layers.copying import take_over
from tfpipeline.layers.factored.ranks import Rank


def factorize(
    model: keras.Model,
    *,
    rank: Rank = "full",
    joint: str = "partial",
    layers: Sequence[str] | None = None,
) -> keras.Model:
    """Return the same model with the plain kernels of its layers as products of factors.

    At full rank it computes what `model` computes, to rounding; `truncate` then cuts it by
    explained variance or to a budget. So an unregularized or an l2-regularized model becomes the
    start of stage 2: "warm starts" in Kliegl et al. (2018), section 3.2.2, and Prabhavalkar et al.
    (2016). All other weights carry over, and so do iteration count, learning rate and the optimizer
    slots of unchanged variables. The kernels' regularizers do not: stage 2 trains without them.

    Args:
        model: built model; it is not changed.
        rank: rank of all kernels (see `FactoredGRU`); the factors are the balanced split of the
            best approximation.
        joint: form of the recurrent layers; see `FactoredGRU`. With `"prabhavalkar"`, in a
            Sequential model only, the layer after each recurrent layer changes too: its kernel W
            becomes the Z with the least |P Z - W| for the shared projection P.
        layers: names of the layers to factorize; None takes all that have a factored twin in
            `tfpipeline.layers`, such as `keras.layers.GRU`.

    Raises:
        CompressionError: (a ValueError) for a model that is not built, or has no such layer, or
            that its configuration does not give again, or where `rank` or `joint` does not fit, and
            for a layer with LoRA or quantized weights.

    Example:

    >>> small, report = truncate(factorize(trained), explained_variance=0.9)
    """
    check_built(model)
    plain = _chosen(model, layers)
    if joint == "prabhavalkar":
        names = {layer.name for layer in plain}
        factored, kept, replaced = share_projections(model, names, rank)
    else:
        names = {layer.name for layer in plain}
        factored = rebuild(
            model, lambda c: _with_factored_classes(c, names, rank, joint), "factorized"
        )
        kept, replaced = _transfer(model, factored, plain)
    if model.compiled:
        compile_like(model, factored, kept, replaced)
    return factored


def _chosen(model: keras.Model, names: Sequence[str] | None) -> list[Any]:
    plain = [layer for layer in model._flatten_layers() if type(layer) in TWINS]
    if names is not None:
        listed = isinstance(names, Sequence) and not isinstance(names, str) and len(names) > 0
        if not listed or not all(isinstance(name, str) for name in names):
            raise CompressionError(
                f"`layers` must be a list of layers' names, or None; received {names!r}."
            )
        missing = sorted(set(names) - {layer.name for layer in plain})
        if missing:
            raise CompressionError(
                f"`layers` names {', '.join(map(repr, missing))}, but the {twins('and')} "
                f"layers of {model.name!r} are {', '.join(repr(layer.name) for layer in plain)}."
            )
        plain = [layer for layer in plain if layer.name in names]
    if not plain:
        raise CompressionError(
            f"`model` must have a {twins('or')} layer of Keras; {model.name!r} has none."
        )
    for layer in plain:
        check_kernel(layer)
    return plain


def _with_factored_classes(config: Any, names: set[str], rank: Rank, joint: str) -> Any:
    """Return a configuration with factored classes in place of the plain ones of these names."""
    if isinstance(config, (list, tuple)):
        return type(config)(_with_factored_classes(item, names, rank, joint) for item in config)
    if not isinstance(config, dict):
        return config
    result = {
        key: _with_factored_classes(value, names, rank, joint) for key, value in config.items()
    }
    for plain, factored in TWINS.items():
        inner = result.get("config")
        if (
            isinstance(inner, dict)
            and result.get("module") == "keras.layers"
            and result.get("class_name") == plain.__name__
            and inner.get("name") in names
        ):
            form = joint if issubclass(plain, keras.layers.RNN) else "partial"
            return {
                **result,
                "module": factored.__module__,
                "class_name": factored.__name__,
                "registered_name": keras.saving.get_registered_name(factored),
                "config": {**_for_factors(inner), "rank": rank, "joint": form},
            }
    return result


def _for_factors(config: dict[str, Any]) -> dict[str, Any]:
    """Without what a factored layer has not, or what is meant for a whole kernel."""
    left_out = {"kernel_regularizer", "recurrent_regularizer", "embeddings_regularizer"}
    left_out |= {"quantization_config", "lora_rank", "lora_alpha"}
    return {key: value for key, value in config.items() if key not in left_out}


def _transfer(
    model: keras.Model, factored: keras.Model, plain: Sequence[Any]
) -> tuple[Pairs, Pairs]:
    """Copy all weights; return the pairs of variables that are the same, and the replaced."""
    chosen = {id(layer) for layer in plain}
    whole: dict[int, Any] = {}
    parts: set[int] = set()
    replaced: Pairs = []
    layers = layer_pairs(model, factored)
    for source, target in layers:
        if id(source) not in chosen or id(target) in parts:
            continue
        if type(target) is type(source):
            raise CompressionError(
                f"`model` must write its layers into its configuration; {model.name!r}, a "
                f"{type(model).__name__}, came back from it with {source.name!r} as it was: use a "
                f"Sequential or functional model, or {type(source).__name__} layers made by "
                f"Factored{type(source).__name__}.from_keras."
            )
        parts.add(id(target))
        if isinstance(source, (keras.layers.Dense, keras.layers.Embedding)):
            embeds = isinstance(source, keras.layers.Embedding)
            kernels = [source.embeddings if embeds else source.kernel]
            target.assign_kernel(ops.convert_to_numpy(kernels[0]))
        else:
            target.cell.assign_kernels(source.cell.kernel, source.cell.recurrent_kernel)
            kernels = [source.cell.kernel, source.cell.recurrent_kernel]
        whole |= {id(kernel): kernel for kernel in kernels}
        for factor in target.factors():
            # The factors of "all" stand for both kernels: the first speaks for them.
            kernel = kernels["recurrent" in factor.name]
            replaced += [(kernel, factor.left), (kernel, factor.right)]
            parts |= {id(factor.left), id(factor.right)}
    kept = list(
        zip(
            [variable for variable in model.variables if id(variable) not in whole],
            [variable for variable in factored.variables if id(variable) not in parts],
            strict=True,
        )
    )
    for source, target in kept:
        take_over(target, source)
    copy_trainable(layers, [*kept, *replaced])
    return kept, replaced
