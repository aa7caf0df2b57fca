"""What a service of any trade stands on."""

import os

# gRPC reads it when it is imported, and this is imported before it. Without it gRPC writes a line for each program that a service
# starts; nothing forks to go on with gRPC.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
