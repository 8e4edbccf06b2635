"""Training with checkpoints for the benchmarks: an interrupted training run resumes with the same result."""

import json
import os
import sys
import time


def train(name, build, stream, settings, path=None, per_epoch=200, check=None):
    """Trains a model for `settings["steps"]` steps and saves a checkpoint after each epoch.

    Args:
        name: Prefix of the progress messages.
        build: Function without arguments that returns a compiled model.
        stream: Function from the number of completed steps to an endless stream of the batches that follow. Step 700
            then receives the same batch with and without an interruption.
        settings: Dict of all settings that affect the result, including `steps`; must be serialisable as JSON.
        path: Checkpoint file, `.keras`, or None.
        per_epoch: Steps between two checkpoints.
        check: Function from the model to `{name: number}`, called at each checkpoint; its time is not counted.

    Returns:
        `(model, seconds, curve)`; the curve is a list of `{"steps", "seconds", name: number}`.
    """
    import keras

    steps, seconds, curve = settings["steps"], 0.0, []
    per_epoch = min(per_epoch, steps)
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        seconds, curve = load_progress(path, settings)
    model = keras.saving.load_model(path) if path and path.exists() else build()
    done = int(model.optimizer.iterations)
    begin = time.perf_counter() - seconds

    def after_epoch(epoch, logs):
        nonlocal begin
        spent = time.perf_counter() - begin
        results = dict(logs) | ({} if check is None else check_averaged_weights())
        begin = time.perf_counter() - spent
        curve.append({"steps": (epoch + 1) * per_epoch, "seconds": spent} | results)
        text = ", ".join(f"{key} {value:.4f}" for key, value in results.items())
        print(f"{name}: {curve[-1]['steps']} of {steps} steps, {spent / 60:.1f} min, {text}", file=sys.stderr)
        if path:
            partial = path.with_name(f"partial-{path.name}")
            model.save(partial)
            os.replace(partial, path)  # atomic: an interruption never leaves an incomplete checkpoint
            write_json(path.with_suffix(".json"), {"settings": settings, "seconds": spent, "curve": curve})

    def check_averaged_weights():
        # An optimizer with averaged weights assigns the averages at the end of training only.
        weights = model.get_weights()
        model.optimizer.finalize_variable_values(model.trainable_variables)
        results = check(model)
        model.set_weights(weights)
        return results

    if done < steps:
        model.fit(
            stream(done),
            steps_per_epoch=per_epoch,
            initial_epoch=done // per_epoch,
            epochs=steps // per_epoch,
            callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=after_epoch)],
            shuffle=False,
            verbose=0,
        )
        seconds = time.perf_counter() - begin
    # A loaded checkpoint has the weights before averaging.
    model.optimizer.finalize_variable_values(model.trainable_variables)
    return model, seconds, curve


def load_progress(path, settings):
    """`(seconds, curve)` of the training run that wrote the checkpoint; exits if its settings differ."""
    notes = path.with_suffix(".json")
    if not path.exists() or not notes.exists():
        return 0.0, []
    progress = json.loads(notes.read_text(encoding="utf-8"))
    if progress["settings"] != json.loads(json.dumps(settings)):
        sys.exit(
            f"{path} was trained with {progress['settings']}, not with {settings}. Remove it or choose another file."
        )
    return progress["seconds"], progress["curve"]


def write_json(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
