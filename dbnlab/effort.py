"""How long to train where the user does not say: long enough in updates, whatever the rows.

What a model has learnt depends on the number of updates much more than on that of epochs. With 100
rows an update, ten passes over 60,000 rows are 6,000 updates, and ten passes over 100 rows are ten.
"""

from typing import NamedTuple

SMALLEST_BATCH = 16


class Effort(NamedTuple):
    """The least of each that training gets by default."""

    n_epochs: int
    n_updates: int

    def of(self, n_rows: int, batch_size: int | None, n_epochs: int | None) -> tuple[int, int]:
        """Batch size and number of epochs for so many rows; a number given stays as it is."""
        batch_size = batch_size or min(100, max(SMALLEST_BATCH, n_rows // 5))
        n_updates = -(-n_rows // batch_size)
        return batch_size, n_epochs or max(self.n_epochs, -(-self.n_updates // n_updates))
