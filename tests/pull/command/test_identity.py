from __future__ import annotations

from uuid import RFC_4122

import pytest

from pull.command.filesystem_identity import filesystem_time, hash_seed_for, uuid_for
from pull.errors import SettingError
from pull.process.epoch import parse_epoch

TIMES = {
    "2024-05-06T07:08:09Z": 1714979289,
    "2024-05-06T07:08:09.123456789Z": 1714979289,
    "2024-05-06T09:08:09.5+02:00": 1714979289,
    "2024-05-06T07:08:09": 1714979289,
    "1970-01-01T00:00:00Z": 0,
    "0001-01-01T00:00:00Z": 0,
    "9999-12-31T23:59:59Z": 15032385535,
    "9999-12-31T23:59:59.999999999-23:59": 15032385535,
    "0001-01-01T00:00:00+23:59": 0,
    "2446-05-10T22:38:55Z": 15032385535,  # the last second that ext4 has
    "2446-05-10T22:38:56Z": 15032385535,
    "2446-05-10T22:38:54Z": 15032385534,
    "10000-01-01T00:00:00Z": 0,
    "0000-00-00T00:00:00Z": 0,
    "1969-12-31T23:59:59Z": 0,
    "": 0,
    "yesterday": 0,
}


def test_uuid_is_the_images_own() -> None:
    first, second = uuid_for("sha256:" + "0" * 64), uuid_for("sha256:" + "1" * 64)
    assert first != second
    assert first == uuid_for("sha256:" + "0" * 64)
    assert first.version == 8
    assert first.variant == RFC_4122
    assert hash_seed_for("sha256:" + "0" * 64) != first
    # written down so that images stay what they are from one release to the next
    assert str(first) == "ed99a1c4-a501-8411-8e80-e5de35719cb1"


@pytest.mark.parametrize("created", TIMES)
def test_time_of_creation(created: str) -> None:
    assert filesystem_time(created, None) == TIMES[created]


def test_time_from_the_environment() -> None:
    assert filesystem_time("2024-05-06T07:08:09Z", parse_epoch("12")) == 12
    assert filesystem_time(None, None) == 0
    for wrong in ("", "-1", "now", "1.5", "²"):
        with pytest.raises(SettingError, match="SOURCE_DATE_EPOCH"):
            parse_epoch(wrong)
