"""Memory that is free again is had again without the system."""

import subprocess
import sys

import pytest

PROBE = """
import resource, threading
import numpy as np
from service.solver.allocator import keep_freed

def faults(n):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(n):
        held = [np.ones(1 << 17) for _ in range(8)]
        del held
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def work():
    faults(3)
    print(faults(20))

keep_freed()
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="of glibc")
def test_the_temporaries_of_a_thread_are_on_new_pages_once() -> None:
    """Eight megabytes, twenty times: 40,000 pages if they go back each time."""
    ran = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True)

    assert int(ran.stdout) < 1000
