"""What goes wrong with the window of any pooling: edits that fit the plain solutions of all four of its exercises."""

from __future__ import annotations

from cnncourse.checks.catalogue import Draft, wrong

STRIDES = "S_h, S_w = stride"
KERNELS = "K_h, K_w = kernel_size"
PADDINGS = "P_h, P_w = padding"
CORNER = "i * S_h, j * S_w"
ROWS_OUT = "(H + 2 * P_h - K_h) // S_h + 1"
COLUMNS_OUT = "(W + 2 * P_w - K_w) // S_w + 1"
WINDOW = "padded[:, :, top : top + K_h, left : left + K_w]"
INSIDE = "padded[:, :, P_h : P_h + H, P_w : P_w + W]"

# Sentences that fit forwards and backwards.
STRIDE_IGNORED = wrong(
    "stride_ignored",
    "Neighbouring windows start one pixel apart. Window (i, j) starts at row i * S_h and column j * S_w.",
    (CORNER, "i, j"),
)
STRIDE_SWAPPED = wrong(
    "stride_swapped",
    "The two strides are exchanged: the first is for rows, the second for columns.",
    (STRIDES, "S_w, S_h = stride"),
)
ONE_STRIDE = wrong(
    "one_stride_for_both",
    "You use the vertical stride for both directions.",
    (STRIDES, "S_h = S_w = stride[0]"),
)
KERNEL_AS_STRIDE = wrong(
    "kernel_as_stride",
    "Your windows lie side by side, a kernel apart. They start one stride apart, and may overlap.",
    (STRIDES, "S_h, S_w = kernel_size"),
)
KERNEL_SWAPPED = wrong(
    "kernel_swapped",
    "Height and width of the window are exchanged: kernel_size is (rows, columns).",
    (KERNELS, "K_w, K_h = kernel_size"),
)
ONE_KERNEL = wrong(
    "one_side_for_both",
    "Your window is square: its height is used for its width as well. kernel_size has two numbers.",
    (KERNELS, "K_h = K_w = kernel_size[0]"),
)


def forward_drafts(padding_one_side: Draft) -> list[Draft]:
    """Mistakes of max_pool2d and avg_pool2d alike."""
    return [
        STRIDE_IGNORED,
        wrong(
            "stride_not_used",
            "The stride is not used: your result is as large as for stride (1, 1).",
            (STRIDES, "S_h, S_w = 1, 1"),
        ),
        STRIDE_SWAPPED,
        ONE_STRIDE,
        KERNEL_AS_STRIDE,
        KERNEL_SWAPPED,
        ONE_KERNEL,
        wrong(
            "window_too_small",
            "The last row and column of each window are missing: a slice ends before its second number.",
            ("top : top + K_h, left : left + K_w]\n", "top : top + K_h - 1, left : left + K_w - 1]\n"),
        ),
        wrong(
            "padding_ignored",
            "The padding is not used: windows also start above and to the left of the image.",
            (PADDINGS, "P_h, P_w = 0, 0"),
        ),
        wrong(
            "padding_swapped",
            "The two paddings are exchanged: the first is for rows (above and below), the second for columns.",
            (PADDINGS, "P_w, P_h = padding"),
        ),
        wrong(
            "padding_one",
            "You pad by 1 whatever the padding is.",
            (PADDINGS, "P_h, P_w = min(padding[0], 1), min(padding[1], 1)"),
        ),
        padding_one_side,
        wrong(
            "rounded_up",
            "You also use a last window that sticks out behind the image. Only windows that fit count: round down.",
            (ROWS_OUT, "-((K_h - H - 2 * P_h) // S_h) + 1"),
            (COLUMNS_OUT, "-((K_w - W - 2 * P_w) // S_w) + 1"),
        ),
        wrong(
            "last_window_missing",
            "The last row and the last column of windows are missing: count the places, not the steps between them.",
            (ROWS_OUT, "(H + 2 * P_h - K_h) // S_h"),
            (COLUMNS_OUT, "(W + 2 * P_w - K_w) // S_w"),
        ),
        wrong(
            "exact_fit_missing",
            "A last window that just fits is missing: it begins at H + 2 * P_h - K_h, and range stops before its end.",
            (ROWS_OUT, "-((K_h - H - 2 * P_h) // S_h)"),
            (COLUMNS_OUT, "-((K_w - W - 2 * P_w) // S_w)"),
        ),
        wrong(
            "padding_counted_once",
            "You count the padding once when you count the windows. It lies on both sides: H + 2 * P_h.",
            (ROWS_OUT, ROWS_OUT.replace("2 * ", "")),
            (COLUMNS_OUT, COLUMNS_OUT.replace("2 * ", "")),
        ),
        wrong(
            "height_for_width",
            "The number of columns is computed from the height. It depends on W and the second of each pair.",
            (COLUMNS_OUT, "H_out"),
        ),
    ]


def backward_drafts(crop: str = INSIDE.replace("padded", "dx"), room: str = "dx") -> list[Draft]:
    """Mistakes of both backward passes; `crop` is what their solutions return, `room` what they fill."""
    return [
        STRIDE_IGNORED,
        STRIDE_SWAPPED,
        ONE_STRIDE,
        KERNEL_AS_STRIDE,
        wrong(
            "not_cropped",
            "Your gradient still has its padding. What lies around the image is not part of the input: cut it off.",
            (crop, room),
        ),
        wrong(
            "crop_one",
            "You cut off a border of 1 whatever the padding is. Cut off as much as the forward pass put on.",
            (crop, f"{room}[:, :, 1:-1, 1:-1]"),
        ),
        wrong(
            "padding_not_undone",
            "The gradient is displaced: pixel (0, 0) of the image lies at (P_h, P_w) of the padded one.",
            (crop, f"{room}[:, :, :H, :W]"),
        ),
        wrong(
            "last_windows_missing",
            "The last row and the last column of windows send nothing back: a range stops before its end.",
            ("range(H_out)", "range(H_out - 1)"),
            ("range(W_out)", "range(W_out - 1)"),
        ),
        wrong(
            "covered_pixels_only",
            "Your result ends where the last window ends. A pixel that no window covered has gradient zero, but it is "
            "there.",
            (
                crop,
                crop.replace("P_h + H", "(H_out - 1) * S_h + K_h - P_h").replace(
                    "P_w + W", "(W_out - 1) * S_w + K_w - P_w"
                ),
            ),
        ),
    ]
