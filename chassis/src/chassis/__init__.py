"""What a service of any trade stands on."""

import os

# gRPC reads it when it is imported, and this is imported before it. Otherwise gRPC's threads go on in the copy of a process that is
# about to become another program: beside calls one in ten ends there by a fault of memory. Nothing forks to go on with gRPC.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
