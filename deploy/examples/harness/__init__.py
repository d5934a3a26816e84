"""What both examples need around their applications: Python packages, a cluster, processes, and a verdict.

Nothing here belongs into an application; the folders `app` of the examples do not import it.
"""
