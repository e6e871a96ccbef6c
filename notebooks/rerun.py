"""Re-run notebooks in place and normalise them, so that running this twice changes no byte.

python notebooks/rerun.py [notebook.ipynb ...]          without names: all of them
"""

import base64
import io
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

HERE = Path(__file__).parent
WIDGET = "application/vnd.jupyter.widget-view+json"


def all_notebooks() -> list[Path]:
    return [*sorted(HERE.glob("*.ipynb")), *sorted(HERE.glob("solutions/*.ipynb"))]


def smaller(png: str) -> str:
    """The picture in 256 colours, half of the bytes: which of them differ, the eye cannot see."""
    image = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    stream = io.BytesIO()
    image.quantize(256, dither=Image.Dither.NONE).save(stream, "PNG", optimize=True)
    return base64.b64encode(stream.getvalue()).decode()


def normalise(notebook: nbformat.NotebookNode) -> None:
    """Keep what a reader needs; drop what differs between two runs or two machines."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        kept = ("alt", "slideshow", "tags")
        cell.metadata = {k: v for k, v in cell.metadata.items() if k in kept}
        for output in cell.get("outputs", []):
            # A stored view names a model that no longer exists; its text stays.
            output.get("data", {}).pop(WIDGET, None)
            output.get("metadata", {}).pop(WIDGET, None)
            if "image/png" in output.get("data", {}):
                output["data"]["image/png"] = smaller(output["data"]["image/png"])


def execute(notebook: nbformat.NotebookNode, folder: Path) -> None:
    NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
    ).execute()


def rerun(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    execute(notebook, path.parent)
    normalise(notebook)
    nbformat.validate(notebook)
    nbformat.write(notebook, path)


if __name__ == "__main__":
    for path in [Path(name) for name in sys.argv[1:]] or all_notebooks():
        print(path, flush=True)
        rerun(path)
