"""How much memory the reference convolution needs beside torch's: forward and backward, a Markdown table.

    python tests/benchmarks/memory_conv.py

Each measurement is a process of its own. It makes input, weights and dy and runs the step once, so that code and the
libraries' own tables are loaded; notes its resident memory, sets the peak that Linux keeps for it back to that (writing
5 to /proc/self/clear_refs), and runs the step again: peak (VmHWM) minus memory before (VmRSS). That counts all that the
step allocates, the output, the three gradients and what lies between. The allocator is told to give back what is freed
(MALLOC_MMAP_THRESHOLD_), so that the first step leaves nothing behind for the second. Median of 3. Linux only.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path

SIZES = {
    "(32, 3, 32, 32) * 32x3x5x5": ((32, 3, 32, 32), (32, 3, 5, 5), 2),
    "(32, 64, 28, 28) * 64x64x3x3": ((32, 64, 28, 28), (64, 64, 3, 3), 1),
    "(8, 256, 14, 14) * 256x256x3x3": ((8, 256, 14, 14), (256, 256, 3, 3), 1),
}
ROUNDS = 3


def _status(key: str) -> int:
    """A line of /proc/self/status, in kB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1])
    raise SystemExit(f"memory_conv: /proc/self/status has no {key}; expected Linux")


def measure(name: str, size: str) -> tuple[int, int]:
    """(kB at the peak above those before the step, kB of the output and the gradients); in this process."""
    import torch
    import torch.nn.functional as F

    from cnncourse import layers

    torch.set_num_threads(2)
    conv = {"torch": F.conv2d, "layers": layers.conv2d}[name]
    x_shape, w_shape, padding = SIZES[size]
    x, w, b = (torch.randn(shape, requires_grad=True) for shape in (x_shape, w_shape, w_shape[:1]))
    dy = torch.randn(x_shape[0], w_shape[0], *x_shape[2:])
    torch.autograd.grad(conv(x, w, b, padding=padding), (x, w, b), dy)
    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    y = conv(x, w, b, padding=padding)
    gradients = torch.autograd.grad(y, (x, w, b), dy)
    needed = sum(t.numel() * t.itemsize for t in (y, *gradients)) // 1024
    return _status("VmHWM") - before, needed


def in_a_process(name: str, size: str) -> tuple[float, int]:
    """The median of several processes."""
    command = [sys.executable, __file__, name, size]
    env = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"}
    runs = [
        subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout.split()
        for _ in range(ROUNDS)
    ]
    return statistics.median(int(run[0]) for run in runs), int(runs[0][1])


def main() -> None:
    """Print the table."""
    print("| forward + backward, float32 | torch, MB | layers, MB | ratio | of it y and gradients, MB |")
    print("|---|---|---|---|---|")
    for size in SIZES:
        (theirs, needed), (ours, _) = in_a_process("torch", size), in_a_process("layers", size)
        print(f"| {size} | {theirs / 1024:.1f} | {ours / 1024:.1f} | {ours / theirs:.2f} | {needed / 1024:.1f} |")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        print(*measure(sys.argv[1], sys.argv[2]))
    else:
        main()
