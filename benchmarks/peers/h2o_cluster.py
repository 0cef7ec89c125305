"""H2O-3 through its Python client: it starts a Java process of its own and talks to it over HTTP."""

import socket
import time

import h2o
from h2o.estimators import H2OGeneralizedLinearEstimator


def start(memory: str = "3G") -> float:
    """Seconds from nothing to a cluster that answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    started = time.perf_counter()
    h2o.init(port=port, nthreads=-1, max_mem_size=memory, bind_to_localhost=True, verbose=False)
    h2o.no_progress()
    return time.perf_counter() - started


def stop() -> None:
    """End the Java process."""
    h2o.cluster().shutdown()


def import_and_fit(path: str) -> tuple[float, list[float]]:
    """Seconds for `import_file` and a GLM without a penalty, and its intercept and coefficients."""
    started = time.perf_counter()
    frame = h2o.import_file(path)
    names = [name for name in frame.columns if name != "y"]
    model = H2OGeneralizedLinearEstimator(family="gaussian", lambda_=0, standardize=False, solver="IRLSM")
    model.train(x=names, y="y", training_frame=frame)
    found = model.coef()
    seconds = time.perf_counter() - started
    h2o.remove(frame)
    return seconds, [found["Intercept"], *(found[name] for name in names)]
