"""$SOURCE_DATE_EPOCH, the time that builds give to what they make."""

from __future__ import annotations

import re

from pull.errors import SettingError
from pull.wording import in_short

__all__ = ["parse_epoch"]


def parse_epoch(source_date_epoch: str) -> int:
    """Parse $SOURCE_DATE_EPOCH into seconds.

    Raises:
        SettingError: It is not a number.
    """
    if not re.fullmatch("[0-9]{1,18}", source_date_epoch):
        raise SettingError("SOURCE_DATE_EPOCH", f"is not a number: {in_short(source_date_epoch)!r}")
    return int(source_date_epoch)
