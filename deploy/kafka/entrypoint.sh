#!/bin/bash
# Turns variables into properties (KAFKA_LOG_DIRS is log.dirs, __ stands for _, ___ for -), formats an empty log folder under
# CLUSTER_ID, then runs the broker.
set -euo pipefail
properties=/tmp/server.properties
: >"$properties"
for name in $(compgen -e KAFKA_); do
	case $name in KAFKA_HEAP_OPTS) continue ;; esac
	key=${name#KAFKA_}
	key=${key,,}
	key=${key//___/-}
	key=${key//__/%}
	key=${key//_/.}
	printf '%s=%s\n' "${key//%/_}" "${!name}" >>"$properties"
done
java=(java -cp '/opt/kafka/libs/*' -Dorg.slf4j.simpleLogger.defaultLogLevel=warn)
"${java[@]}" kafka.tools.StorageTool format --ignore-formatted --cluster-id "${CLUSTER_ID:?must name the cluster}" --config "$properties"
# shellcheck disable=SC2086 # several options in one variable
exec "${java[@]}" ${KAFKA_HEAP_OPTS:--Xmx512m} kafka.Kafka "$properties"
