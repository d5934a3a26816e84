"""Reads the metrics of nodes with the parser of Prometheus' own client library, which refuses what OpenMetrics does not allow.

    metrics_format.py HOST:PORT...      the nodes' admin listeners
"""

import sys
from urllib.request import urlopen

from prometheus_client.openmetrics.parser import text_string_to_metric_families


def families(node, path):
    with urlopen(f"http://{node}{path}", timeout=30) as answer:
        return list(text_string_to_metric_families(answer.read().decode()))


def main():
    for node in sys.argv[1:]:
        for path, some in [("/metrics", "millrace_requests"), ("/metrics/groups", "millrace_raft_group_term")]:
            found = {family.name: family for family in families(node, path)}
            assert found[some].samples, f"{node}{path}: {some} has no value"
            assert all(family.documentation for family in found.values()), f"{node}{path}: not all is explained"
            samples = sum(len(family.samples) for family in found.values())
            print(f"{node}{path}: {len(found)} metrics, {samples} values")


if __name__ == "__main__":
    main()
