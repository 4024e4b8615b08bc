"""How long is too long, how often too often: every number a verdict turns on, in one place.

Each is either Kubernetes' own (then its source is named) or a choice of ours: long
enough that ordinary rollouts, starts and drains pass in silence. Plain numbers are
seconds. Imported by the rules and steps that compare with them.
"""

from __future__ import annotations

from datetime import timedelta

PENDING_GRACE = 60.0
"""A pod younger than this is given time to be placed. Ours; the scheduler tries again within seconds."""

VOLUME_BINDING = 600.0
"""The scheduler gives up on a volume after this (VolumeBindingArgs.bindTimeoutSeconds, its default)."""

NODE_PROVISIONING = 900.0
"""The cluster autoscaler gives a new node this long to register (--max-node-provision-time, its default)."""

GATE_LONG = 3600.0
"""A scheduling gate that stays this long is probably forgotten. Ours."""

REPORT_LAG = 60.0
"""A kubelet's report may lag behind a pod's start by this. Ours; a healthy one needs seconds."""

CREATING_GRACE = 120.0
"""A container may be in creation this long before that is worth a word. Ours; images are pulled meanwhile."""

STARTING = 120.0
"""A new pod may take this long to become ready for the first time before that is worth a word. Ours."""

NEW_WORKLOAD = 60.0
"""A new workload may lack ready pods this long without being in trouble. Ours."""

INIT_LONG = 600.0
"""An init container may run this long before that is a warning. Ours; migrations take minutes."""

SETTLING = 60.0
"""A change of a pod may take this long to reach the EndpointSlices before it counts. Ours."""

BACKOFF_RESET = 600.0
"""After this much clean running the kubelet forgets the restart back-off (documentation of pod lifecycle)."""

DELETION_SLACK = timedelta(seconds=60)
"""A deletion is late this long after deletionTimestamp, which already includes the grace period. Ours."""

DEFAULT_TERMINATION_GRACE = 30
"""terminationGracePeriodSeconds where the specification leaves it out (API default)."""

HIGH_RESTART_COUNT = 5
"""Restarts of a container that are worth a word however long ago they were. Ours."""

RESTART_HISTORY = timedelta(days=1)
"""A restart count that has not grown for this long says nothing of today. Ours."""

EVENT_BURST = 25
"""A writer of events drops some about an object after this many (client-go, EventCorrelator)."""
