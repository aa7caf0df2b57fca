"""Says by its exit code whether the service of this image is fit to serve, as it was told to listen by its own variables.

For Docker's health checks, and for Kubernetes where the service speaks TLS, which native gRPC probes do not know.
"""

import os
import sys
import urllib.request
from pathlib import Path

TIMEOUT_SECONDS = 4


def http_ready(port: str) -> bool:
    """Asks the gateway."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=TIMEOUT_SECONDS) as answer:
        return bool(answer.status == 200)


def grpc_serving(prefix: str) -> bool:
    """Asks a service by the gRPC health protocol, over TLS with its own certificate when it has one."""
    import grpc  # noqa: PLC0415 - the gateway's check does without
    from grpc_health.v1 import health_pb2, health_pb2_grpc  # noqa: PLC0415

    target = f"localhost:{os.environ[f'{prefix}_SERVER__PORT']}"
    tls = {
        name: Path(os.environ[variable]).read_bytes()
        for name in ("CERT", "KEY", "CLIENT_CA")
        if (variable := f"{prefix}_SERVER__TLS__{name}") in os.environ
    }
    if tls:
        keys = grpc.ssl_channel_credentials(tls.get("CLIENT_CA"), tls["KEY"], tls["CERT"])
        channel = grpc.secure_channel(target, keys)
    else:
        channel = grpc.insecure_channel(target)
    with channel:
        check = health_pb2_grpc.HealthStub(channel).Check  # type: ignore[attr-defined]  # set by its constructor
        return bool(
            check(health_pb2.HealthCheckRequest(), timeout=TIMEOUT_SECONDS).status == health_pb2.HealthCheckResponse.SERVING
        )


def main() -> int:
    """Returns 0 when the service is fit to serve."""
    service = os.environ["PARKCARBON_SERVICE"]
    if service == "gateway":
        return 0 if http_ready(os.environ.get("GATEWAY_HTTP__PORT", "8080")) else 1
    return 0 if grpc_serving(service.upper()) else 1


if __name__ == "__main__":
    sys.exit(main())
