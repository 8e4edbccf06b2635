"""How the benchmarks train: with a checkpoint after every part, from which an interrupted training goes on."""

import json
import os
import sys
import time


def trained(name, build, stream, settings, path=None, per_epoch=200, check=None):
    """A model that was trained for `settings["steps"]` steps, the seconds that it took, and what was seen on the way.

    Args:
        name: What stands before each line of progress.
        build: Function without arguments to a compiled model.
        stream: Function from the number of steps that are done to an endless stream that goes on there: step 700 then
            sees the same whether training came there in one go or was interrupted.
        settings: A dict that can be JSON; with `steps`, and all else that decides what comes out.
        path: Where the checkpoint is kept, `.keras`; or None.
        per_epoch: Steps from one checkpoint to the next.
        check: Function from the model to `{name: number}`, called at each checkpoint; its time does not count.

    Returns:
        `(model, seconds, curve)`; the last a list of `{"steps", "seconds", name: number}`.
    """
    import keras

    steps, seconds, curve = settings["steps"], 0.0, []
    per_epoch = min(per_epoch, steps)
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        seconds, curve = so_far(path, settings)
    model = keras.saving.load_model(path) if path and path.exists() else build()
    done = int(model.optimizer.iterations)
    begin = time.perf_counter() - seconds

    def after_epoch(epoch, logs):
        nonlocal begin
        spent = time.perf_counter() - begin
        found = dict(logs) | ({} if check is None else checked())
        begin = time.perf_counter() - spent
        curve.append({"steps": (epoch + 1) * per_epoch, "seconds": spent} | found)
        told = ", ".join(f"{key} {value:.4f}" for key, value in found.items())
        print(f"{name}: {curve[-1]['steps']} of {steps} steps, {spent / 60:.1f} min, {told}", file=sys.stderr)
        if path:
            partial = path.with_name(f"partial-{path.name}")
            model.save(partial)
            os.replace(partial, path)  # Whatever happens, there is a whole checkpoint.
            write(path.with_suffix(".json"), {"settings": settings, "seconds": spent, "curve": curve})

    def checked():
        # As the model will be in the end, where the optimizer averages weights over steps.
        kept = model.get_weights()
        model.optimizer.finalize_variable_values(model.trainable_variables)
        found = check(model)
        model.set_weights(kept)
        return found

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
    # Where the optimizer averages weights over steps, the averages are what was trained; a checkpoint has the others.
    model.optimizer.finalize_variable_values(model.trainable_variables)
    return model, seconds, curve


def so_far(path, settings):
    """Seconds that went into the checkpoint, and its curve; refuses one that was trained otherwise."""
    notes = path.with_suffix(".json")
    if not path.exists() or not notes.exists():
        return 0.0, []
    found = json.loads(notes.read_text(encoding="utf-8"))
    if found["settings"] != json.loads(json.dumps(settings)):
        sys.exit(f"{path} was trained with {found['settings']}, not with {settings}. Remove it, or name another file.")
    return found["seconds"], found["curve"]


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
