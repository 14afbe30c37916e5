"""The training loop of both models: steps, average, log, validation, checkpoints, resumption.

AdamW (Loshchilov and Hutter, arXiv 1711.05101) with the learning rate of ``schedule``, gradient clipping, an
exponential moving average of the weights and, for fine-tuning, L2-SP. A session may end at any moment: the
next one resumes from the run's checkpoint.
"""

from __future__ import annotations

import copy
import json
import math
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic

import torch
from torch import Tensor, nn

from ocrpipe.environment import has_bf16, on_terminate
from ocrpipe.errors import ConfigError, OcrError, WeightsError
from ocrpipe.training.checkpoint import CHECKPOINT, Checkpoint, Progress, load_checkpoint, save_checkpoint
from ocrpipe.training.config import TrainConfig
from ocrpipe.training.ema import EMA
from ocrpipe.training.randomness import Randomness
from ocrpipe.training.task import Batches, Context, Example, Model, Task
from ocrpipe.training.timing import StepTimer

LOG = "log.jsonl"
"""Name of the log in a run's folder, one JSON object a line."""

Log = Callable[[dict[str, Any]], None]


class DivergedError(OcrError):
    """Losses or weights of a training are no longer finite."""


class Trainer(Generic[Model, Example]):
    """One run: a model, its average, its optimiser, and how far it has come.

    Args:
        task: The model, which is moved to the device, and its loss.
        config: How to train.
        validate: Measures a copy of the model, on the CPU and in evaluation mode, with the averaged weights;
            its figures go into the log.
        log: Called with each log record, after it is written to the run's ``log.jsonl``.
        on_save: Called with each checkpoint after it is written.
        on_finish: Called with the model when the run is over, before it is saved and validated.
        deadline: Value of ``time.monotonic()`` at which the run is over, however little it has trained; the
            schedule then follows the time left.
        clock: Gives the seconds that the run's minutes are counted in, by default the wall's;
            ``time.thread_time``, the processor's, makes runs comparable on a machine that has other work.

    Raises:
        ocrpipe.errors.ConfigError: The device is not there.
    """

    def __init__(
        self,
        task: Task[Model, Example],
        config: TrainConfig,
        *,
        validate: Callable[[Model], Mapping[str, float]] | None = None,
        log: Log | None = None,
        on_save: Callable[[Checkpoint], None] | None = None,
        on_finish: Callable[[Model], None] | None = None,
        deadline: float | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.task, self.config, self.model = task, config, task.model
        self.progress = Progress()
        self.random = Randomness(config.seed, device := _device(config.device))
        self._device = device
        self._bf16 = has_bf16(device.type) if config.bf16 is None else config.bf16
        self.model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.ema = EMA(self.model, config.ema_decay) if config.ema_decay else None
        self._start = [p.detach().clone() for p in self.model.parameters()] if config.l2_sp else []
        self.optimizer = _adamw(self.model, config)
        self._validate, self._log, self._on_finish = validate, log, on_finish
        self._on_save, self._deadline = on_save, deadline
        self._clock = clock or time.monotonic
        self._stopping = False
        self._saved_steps = 0
        self._last: dict[str, float] = {}
        self._recent = _Recent()
        self._timer = StepTimer(device)
        config.run.mkdir(parents=True, exist_ok=True)

    @property
    def fraction(self) -> float:
        """How much of the run is over, 0..1."""
        limits = [self.progress.seconds / (60 * self.config.minutes)]
        if self._deadline is not None:
            limits.append(1 - (self._deadline - time.monotonic()) / (60 * self.config.minutes))
        if self.config.max_steps:
            limits.append(self.progress.steps / self.config.max_steps)
        return min(1.0, max(limits))

    @property
    def learning_rate(self) -> float:
        """That of the next step."""
        return self.config.schedule(self.progress.steps, self.fraction)

    @property
    def data_seed(self) -> tuple[int, int]:
        """Seed of this session's data loader: a resumed run sees new examples, the same ones every time."""
        return self.config.seed, self.progress.examples

    def stop(self) -> None:
        """Let ``fit`` end after the current step, with a checkpoint; may be called from a signal handler."""
        self._stopping = True

    def fit(self, batches: Batches[Example]) -> None:
        """Train until the run is over, ``stop`` is called or the process receives SIGTERM.

        It leaves a checkpoint, also on errors and Ctrl-C, but not where the training diverged. To go on from
        an earlier session's, call ``resume`` first.

        Raises:
            ocrpipe.errors.OcrError: The examples cannot be rendered, or the checkpoint not written.
            DivergedError: Losses or weights are no longer finite; the last checkpoint stays.
            RuntimeError: A process that renders failed or was killed.
        """
        torch.set_num_threads(self.config.threads)
        with on_terminate(self.stop):
            batches.wait(self.config.prefetch)
            self._set_train_mode()
            self._recent = _Recent()
            self._last = dict.fromkeys(("log", "checkpoint", "validation"), time.monotonic())
            try:
                self._run(batches)
            except DivergedError:
                raise
            except BaseException:
                if self.progress.steps > self._saved_steps:
                    self.save()
                raise
            finished = self.fraction >= 1 and not self._stopping
            if finished and self._on_finish:
                self._on_finish(self.model)
            self.save()
            if finished:
                self.validate()

    def _run(self, batches: Batches[Example]) -> None:
        config = self.config
        while self.fraction < 1 and not self._stopping:
            began, asked = self._clock(), time.perf_counter()
            batch = batches.batch(self.random.numpy)
            waited = time.perf_counter() - asked
            self._recent.add(self.step(batch), len(batch), waited)
            self.progress.seconds += self._clock() - began
            self.progress.steps += 1
            self.progress.examples += len(batch)
            if self._is_due("log", config.log_minutes) or self.fraction >= 1:
                self._write(**self._recent_figures(), rendered=batches.rendered)
            if self._is_due("checkpoint", config.checkpoint_minutes):
                self.save()
            if self._is_due("validation", config.validate_minutes) and self.fraction < 1:
                self.validate()

    def step(self, batch: Sequence[Example]) -> dict[str, Tensor]:
        """One step of the optimiser; returns the losses, detached."""
        timer = self._timer
        context = Context(self._device, self._bf16, self.fraction, self.random, timer.mark)
        rate = self.learning_rate
        timer.start()
        losses = self.task.losses(self.model, batch, context)
        self.optimizer.zero_grad(set_to_none=True)
        timer.mark("forward")
        losses["loss"].backward()  # type: ignore[no-untyped-call]
        timer.mark("backward")
        nn.utils.clip_grad_norm_(self.model.parameters(), self.config.grad_clip)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.step()
        if self._start:
            weights = [p.detach() for p in self.model.parameters()]
            torch._foreach_lerp_(weights, self._start, min(1.0, rate * self.config.l2_sp))
        if self.ema:
            self.ema.update(self.model, self.progress.steps)
        timer.mark("update")
        timer.stop()
        return {name: loss.detach() for name, loss in losses.items()}

    def averaged(self) -> Model:
        """A copy of the model on the CPU, with the averaged weights, or its own where there is no average."""
        model = copy.deepcopy(self.model).cpu()
        if self.ema:
            model.load_state_dict(self.ema.tensors)
        return model.eval()

    def validate(self) -> None:
        """Measure the averaged weights and log the figures."""
        if self._validate:
            with torch.inference_mode():
                self._write(**self._validate(self.averaged()))

    def save(self) -> None:
        """Write the checkpoint.

        Raises:
            DivergedError: A weight is not finite; the earlier checkpoint stays.
            ocrpipe.errors.OcrError: It can't be written.
        """
        finite = [p.detach().isfinite().all() for p in self.model.parameters()]
        if not torch.stack(finite).all():
            raise self._diverged("weights")
        checkpoint = Checkpoint(
            self.task.kind,
            self.model.state_dict(),
            self.ema.tensors if self.ema else {},
            self.task.model_config,
            self.task.charset,
            self.optimizer.state_dict(),
            self.progress,
            self.random.state(),
        )
        save_checkpoint(self.config.run / CHECKPOINT, checkpoint)
        self._saved_steps = self.progress.steps
        if self._on_save:
            self._on_save(checkpoint)

    def resume(self) -> bool:
        """Go on from the run's checkpoint; returns whether there was one.

        Raises:
            ocrpipe.errors.WeightsError: It is damaged or another model's.
        """
        path = self.config.run / CHECKPOINT
        if not path.exists():
            return False
        saved = load_checkpoint(path, self.task.kind)
        config = self.task.model_config
        if {**config, **saved.model_config} != config:  # settings that are newer than it have their defaults
            raise WeightsError(f"{path} is of another model: {saved.model_config}")
        if saved.charset != self.task.charset:
            raise WeightsError(f"{path} is of a model with another charset")
        settings = [(group["betas"], group["weight_decay"]) for group in self.optimizer.param_groups]
        try:
            self.model.load_state_dict(saved.model)
            self.optimizer.load_state_dict(saved.optimizer)
        except (RuntimeError, ValueError, KeyError) as error:  # messages that list every tensor
            raise WeightsError(f"{path} is damaged: its tensors are not of its configuration") from error
        if self.ema:
            self.ema.load(saved.weights)
        for group, (betas, weight_decay) in zip(self.optimizer.param_groups, settings, strict=True):
            group["betas"], group["weight_decay"] = betas, weight_decay
        self.progress = saved.progress
        self._saved_steps = saved.progress.steps
        self.random.restore(saved.random)
        return True

    def _set_train_mode(self) -> None:
        self.model.train()
        if self.config.freeze_batch_norm:
            for module in self.model.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()

    def _is_due(self, event: str, minutes: float) -> bool:
        """Whether the event is due again; it then counts as done."""
        now = time.monotonic()
        due = now - self._last[event] >= 60 * minutes
        if due:
            self._last[event] = now
        return due

    def _recent_figures(self) -> dict[str, float]:
        figures, self._recent = self._recent.figures(), _Recent()
        if self._device.type == "cuda":
            figures |= self._timer.figures()
        if not all(map(math.isfinite, figures.values())):
            raise self._diverged("losses")
        return figures

    def _diverged(self, what: str) -> DivergedError:
        kept = f"the checkpoint of step {self._saved_steps} is kept" if self._saved_steps else "no checkpoint"
        message = f"the training diverged before step {self.progress.steps}: its {what} are not finite"
        return DivergedError(f"{message} ({kept}); try a lower learning rate")

    def _write(self, **figures: float) -> None:
        record = {
            "minutes": round(self.progress.seconds / 60, 2),
            "step": self.progress.steps,
            "examples": self.progress.examples,
            "learning_rate": round(self.learning_rate, 6),
            **{name: round(value, 4) for name, value in figures.items()},
        }
        with (self.config.run / LOG).open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        if self._log:
            self._log(record)


class _Recent:
    """Losses and speed since the last log record."""

    def __init__(self) -> None:
        self._losses: defaultdict[str, list[Tensor]] = defaultdict(list)
        self._examples, self._waited, self._began = 0, 0.0, time.perf_counter()

    def add(self, losses: Mapping[str, Tensor], examples: int, waited: float) -> None:
        """Count a step and the seconds that it waited for its batch."""
        for name, loss in losses.items():
            self._losses[name].append(loss)
        self._examples += examples
        self._waited += waited

    def figures(self) -> dict[str, float]:
        """Mean losses, examples a second and the fraction of the time spent waiting."""
        passed = max(1e-9, time.perf_counter() - self._began)
        figures = {name: float(torch.stack(losses).mean()) for name, losses in self._losses.items()}
        return {**figures, "examples_per_second": self._examples / passed, "waiting": self._waited / passed}


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"unknown device {name!r}") from error
    if device.type not in ("cpu", "cuda"):
        raise ConfigError(f"training runs on cpu or cuda, not on {name}")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError("this machine or this build of torch has no CUDA device")
    return device


def _adamw(model: nn.Module, config: TrainConfig) -> torch.optim.AdamW:
    """With weight decay for matrices and kernels only."""
    groups = [
        {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": config.weight_decay},
        {"params": [p for p in model.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]
    rate, betas = config.learning_rate, (0.9, config.beta2)
    try:
        return torch.optim.AdamW(groups, lr=rate, betas=betas, fused=True)
    except RuntimeError:  # on a CPU before torch 2.4
        return torch.optim.AdamW(groups, lr=rate, betas=betas)
