#!/usr/bin/env bash
# Runs tests/cluster on the cluster of KUBECONFIG, or else on one that the tool in $CLUSTER_TOOL makes here.
#   OO_LOAD_IMAGE   the command that gives the cluster an image archive, such as `kind load image-archive`
#   OO_GATEWAY, OO_GATEWAY_NAMESPACE, OO_GATEWAY_URL   its Gateway (Envoy Gateway), and where that answers
#   BASE            the base of the images; OO_IMAGES_DIR where they are built
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tool=${CLUSTER_TOOL:-../shared/cluster}
if [ -z "${KUBECONFIG:-}" ]; then
  if [ ! -x "$tool/up" ]; then
    echo "No cluster to test on. Set KUBECONFIG to one with Envoy Gateway and a Gateway that takes routes of all" \
      "namespaces, KServe, KEDA and Prometheus, and OO_LOAD_IMAGE to the command that loads an image archive into it" \
      "(kind load image-archive), or CLUSTER_TOOL to the folder of a tool that makes one." >&2
    exit 1
  fi
  "$tool/build" helm
  "$tool/down" # its volumes serve once
  "$tool/up"
  "$tool/base-image"
  "$tool/addons" gateway kserve keda prometheus
  eval "$("$tool/env")"
  export OO_LOAD_IMAGE=$tool/load-image BASE=${BASE:-localhost/base:bookworm}
fi
.venv/bin/python -m scripts.images
.venv/bin/python -m tests.cluster.images
exec .venv/bin/python -m pytest tests/cluster "$@"
