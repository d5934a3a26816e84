#!/usr/bin/env python3
"""What applications on boto3 rely on, check by check, over AWS JSON 1.0.

    boto3_conformance.py URL [URL ...]

The URLs are the nodes of one cluster. Calls of one check go to different nodes on purpose. The expected
answers are those of AWS: its API reference, and answers recorded from it where the reference is silent.
boto3 itself compares the MD5 of bodies.
"""

from checks import attributes, batches, dead_letters, delivery, fair, fifo, high_throughput, messages  # noqa: F401
from checks import move_tasks, permissions, queues, receipts, redrive_policies, tags  # noqa: F401
from cluster import main

if __name__ == "__main__":
    main()
