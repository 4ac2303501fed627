"""Figures to play with. Their logic lives in their script, so they work in a static page as in a live notebook."""

from __future__ import annotations

from cnncourse.widgets._filters import FILTERS
from cnncourse.widgets._kernels import KERNELS
from cnncourse.widgets.activation_plotter import ActivationPlotter
from cnncourse.widgets.architecture_calculator import ArchitectureCalculator
from cnncourse.widgets.compression_explorer import CompressionExplorer
from cnncourse.widgets.conv_explorer import ConvExplorer
from cnncourse.widgets.filter_lens import FilterLens
from cnncourse.widgets.graph_stepper import GraphStepper
from cnncourse.widgets.network_browser import NetworkBrowser
from cnncourse.widgets.optimizer_explorer import OptimizerExplorer
from cnncourse.widgets.pixel_shuffle import PixelShuffle
from cnncourse.widgets.pool_explorer import PoolExplorer
from cnncourse.widgets.residual_paths import ResidualPaths
from cnncourse.widgets.size_explorer import SizeExplorer
from cnncourse.widgets.transfer_explorer import TransferExplorer

__all__ = [
    "FILTERS",
    "KERNELS",
    "ActivationPlotter",
    "ArchitectureCalculator",
    "CompressionExplorer",
    "ConvExplorer",
    "FilterLens",
    "GraphStepper",
    "NetworkBrowser",
    "OptimizerExplorer",
    "PixelShuffle",
    "PoolExplorer",
    "ResidualPaths",
    "SizeExplorer",
    "TransferExplorer",
]
