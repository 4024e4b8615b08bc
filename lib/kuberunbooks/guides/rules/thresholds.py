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

LOAD_BALANCER_PENDING = 300.0
"""A Service of type LoadBalancer may wait this long for its address. Ours; clouds take a minute or two."""

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

REPEATED_WARNINGS = 3
"""Warnings of one reason in a namespace that are more than a hiccup. Ours."""

CPU_HIGH = 0.9
"""The part of its cpu limit at which a container is close to being made to wait. Ours."""

MEMORY_HIGH = 0.9
"""The part of its memory limit at which a container is close to being killed. Ours."""

METRICS_STALE = 180.0
"""Metrics older than this say nothing of now. Ours; metrics-server measures every 15 s by default."""

DEBUGGING = 3600.0
"""A debug pod older than this is probably forgotten. Ours."""

EVENT_BURST = 25
"""A writer of events drops some about an object after this many (client-go, EventCorrelator)."""

TERMINATION_MESSAGE_BYTES = 4096
"""The kubelet keeps this much of a termination message (MaxContainerTerminationMessageLength)."""

TERMINATION_POD_BYTES = 12 * 1024
"""All containers of a pod share this for their messages (MaxPodTerminationMessageLogLength)."""

TERMINATION_LOG_BYTES = 2048
"""What a message taken from the log may hold (MaxContainerTerminationMessageLogLength), ..."""

TERMINATION_LOG_LINES = 80
"""... or this many lines, whichever is less (MaxContainerTerminationMessageLogLines)."""

TERMINATION_CUT_SLACK = 3
"""Bytes a cut message may lack at its limit: what was left of a UTF-8 character. Ours."""

UNKNOWN_EXTENDED = 300.0
"""The "extended period" of the StatefulSet guide. Ours; equals the default toleration for lost nodes."""

NODE_LEASE = 40.0
"""A kubelet whose lease is younger than this is alive (nodeLeaseDurationSeconds, its default)."""

ORDINAL_ABSENT = 60.0
"""A StatefulSet may lack a pod this long before that is worth a word. Ours; it is made within seconds."""

ROLLOUT_STUCK = 600.0
"""A new pod may take this long to become ready. As progressDeadlineSeconds of a Deployment, its default."""

PROXY_LAG = 60.0
"""A change may wait this long until kube-proxy has written it. Ours; minSyncPeriod is a second by default."""

PROXY_SYNCING = 10.0
"""Writing the rules of a change may take kube-proxy this long. Ours; thousands of Services need seconds."""

PROXY_LOG = 600.0
"""kube-proxy's complaints older than this are history. Ours."""

PROXY_RETRY = 120.0
"""So often at least kube-proxy says that it cannot reach the API server (client-go: 30 s, with jitter)."""

HAIRPIN_DOUBT = 0.01
"""The chance that no try of a pod met itself, below which its tries count as a proof. Ours."""

DNS_NAMESERVERS = 3
"""The kubelet passes on no more nameservers to a pod (MaxDNSNameservers); glibc reads no more either."""

DNS_SEARCHES = 32
"""... and no more search domains (MaxDNSSearchPaths; 6 before Kubernetes 1.28), ..."""

DNS_SEARCH_CHARACTERS = 2048
"""... and no longer search list (MaxDNSSearchListChars; 256 before Kubernetes 1.28)."""

DNS_ERRORS = 3
"""Error lines in a CoreDNS log that are more than a hiccup. Ours; one lost question is everyday life."""

INTERCEPT_FORGOTTEN = 24 * 3600.0
"""So long Telepresence keeps an idle client's intercepts (Helm value grpc.connectionTTL, its default)."""

TOLD_LATELY = 3600.0
"""What a workstation printed longer ago than this says what was, not what is. Ours."""

WEBHOOK_LOG = 3600.0
"""A webhook's complaints about certificates older than this are history. Ours."""

WINDOWS_NODE_STARTING = 900.0
"""A new Windows node may take this long to become ready. Ours; images of some GB are unpacked meanwhile."""

WINDOWS_NODE_AWAY = 900.0
"""A Windows node that was cordoned may be away this long. Ours; its updates restart it."""

FLANNEL_WAITING = 60.0
"""flanneld may wait this long for its network. Ours; the upstream guide calls it stuck without a number."""
