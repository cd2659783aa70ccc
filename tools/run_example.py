"""Run one example and save its figures.

    python tools/run_example.py examples/tune/plot_milk_grid_search.py [--output FOLDER]

The figures are saved in FOLDER, as PNG files with the name of the example. An example that writes
other files finds FOLDER in the environment variable ``SKLSTM_EXAMPLES_OUTPUT``.
"""

import argparse
import os
import runpy
from pathlib import Path


def main() -> None:
    """Run the example named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("example", type=Path)
    parser.add_argument(
        "--output", type=Path, default=Path(__file__).parents[1] / "examples" / "output"
    )
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)

    # matplotlib and TensorFlow read these when the example imports them.
    os.environ.setdefault("MPLBACKEND", "Agg")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["SKLSTM_EXAMPLES_OUTPUT"] = str(arguments.output)
    runpy.run_path(str(arguments.example), run_name="__main__")

    import matplotlib.pyplot as plt

    numbers = plt.get_fignums()
    for number in numbers:
        suffix = f"_{number}" if len(numbers) > 1 else ""
        picture = arguments.output / f"{arguments.example.stem}{suffix}.png"
        plt.figure(number).savefig(picture, dpi=150, bbox_inches="tight")
        print(f"Picture: {picture}")


if __name__ == "__main__":
    main()
