"""Many processes pull one cold image into one cache at once, and some of them are killed."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pull.cache import Cache
from pull.cache.maintenance import leftovers
from tests.pull.registry.fake_registry import FakeRegistry, Quirk
from tests.pull.registry.images import make_image
from tests.pull.registry.pulling import assert_sound, contents, fetch

PROCESSES = 20
KILLED = 3
ROOT = Path(__file__).parents[3]
IMAGE = make_image([random.Random(seed).randbytes(6_000_000) for seed in range(4)])
PROGRAM = """
import sys
from pathlib import Path
from pull import TransportOptions, pull
with pull(
    sys.argv[1],
    cache_dir=Path(sys.argv[2]),
    platform="linux/amd64",
    credentials=lambda registry, repository: None,
    transport=TransportOptions(plain_http=True, backoff_seconds=0.05),
) as image:
    print("begins", flush=True)
    for layer in image.layers:
        with layer.open() as stream:
            while stream.read(1 << 18):
                pass
    image.fetch()
"""


def start(reference: str, cache_dir: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, reference, str(cache_dir)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_twenty_processes_and_three_kills(tmp_path: Path) -> None:
    # slow enough that there is a middle to be killed in
    with FakeRegistry(Quirk("GET .*/blobs/", stall_seconds=0.2)) as registry:
        reference = registry.add("some/image", "v1", IMAGE)
        running = [start(reference, tmp_path) for _ in range(PROCESSES)]
        chance = random.Random()
        for victim in chance.sample(running, KILLED):
            assert victim.stdout is not None
            victim.stdout.readline()
            time.sleep(chance.uniform(0, 0.3))
            victim.kill()
        ends = [(process.communicate(timeout=120), process.returncode) for process in running]
        survivors = [(said, status) for said, status in ends if status != -signal.SIGKILL]
        assert [said for said, status in survivors if status != 0] == []
        assert len(survivors) >= PROCESSES - KILLED
        assert contents(tmp_path).items() >= IMAGE.blobs.items()
        assert_sound(tmp_path)
        assert leftovers(Cache(tmp_path)) == []
        # once each, but for what was on its way to a process that was killed
        whole = sum(map(len, IMAGE.blobs.values()))
        requests = registry.matching("GET .*/blobs/")
        assert len(requests) <= len(IMAGE.blobs) + KILLED * 3
        again = [item for item in requests if "range" not in item.headers]
        assert len(again) <= len(IMAGE.blobs) + KILLED * 3
        assert registry.sent_of_blobs() <= whole + KILLED * 3 * 7_000_000


def test_twenty_processes_and_no_kill(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        reference = registry.add("some/image", "v1", IMAGE)
        running = [start(reference, tmp_path) for _ in range(PROCESSES)]
        for process in running:
            _, said = process.communicate(timeout=120)
            assert (process.returncode, said) == (0, "")
        assert registry.count("GET .*/blobs/") == len(IMAGE.blobs)
        assert registry.sent_of_blobs() == sum(map(len, IMAGE.blobs.values()))
        assert_sound(tmp_path)


def test_eight_threads_of_one_process(tmp_path: Path) -> None:
    with FakeRegistry() as registry:
        reference = registry.add("some/image", "v1", IMAGE)
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: fetch(reference, tmp_path), range(8)))
        assert found == [list(IMAGE.layers)] * 8
        assert registry.count("GET .*/blobs/") == len(IMAGE.blobs)
        assert_sound(tmp_path)
