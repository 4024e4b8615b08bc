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

NODE_STARTING = 300.0
"""A new node may take this long to become ready. Ours; its network plugin's image is pulled meanwhile."""

NODE_BLIP = 60.0
"""A kubelet may call its node not ready this long without being in trouble. Ours; a restart of it needs
10 to 30 s, in which its runtime and network plugin have not answered yet."""

NODE_MAINTENANCE = 900.0
"""A node taken out of service on purpose may be away this long. Ours; reboots and upgrades take minutes."""

NODE_UNJUDGED = 180.0
"""A node that is silent this long and still counts as ready is judged by nobody. Ours; the node controller
takes 50 s (--node-monitor-grace-period, its default)."""

CLOCK_SKEW = 30.0
"""Clocks of nodes and of the API server may differ by this. Ours; without NTP they drift apart."""

NODE_NEARLY_FULL = 0.9
"""The part of what a node can give that is requested, from which there is little room. Ours."""

CORDON_LONG = 86400.0
"""A cordon that stays this long is probably forgotten. Ours."""

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

METRICS_STARTING = 120.0
"""A new node, pod or metrics-server may be without metrics this long. Ours; two scrapes, and a cache."""

METRICS_LOG = 300.0
"""What metrics-server complained of before this is history. Ours; it asks every kubelet each 15 to 60 s."""

HPA_TOLERANCE = 0.1
"""A metric may be this far off its target (--horizontal-pod-autoscaler-tolerance, its default)."""

HPA_STABILIZATION = 300.0
"""The highest recommendation of this time holds back a scale-down (stabilizationWindowSeconds, default)."""

HPA_SETTLING = 300.0
"""An HPA may stand at its maximum this long before that is a warning. Ours; new pods take load meanwhile."""

HPA_FIRST_LOOK = 120.0
"""A new HPA may be without conditions this long. Ours; its controller comes by every 15 s."""

LEADER_LEASE = 15.0
"""For so long a leader's Lease holds (leaseDurationSeconds of scheduler and controller manager, default)."""

LEADER_LEASES_MISSED = 3
"""So many times this long without a renewal, and there is no leader. Ours; another takes over after one."""

LEADER_FORGOTTEN = 86400.0
"""A Lease nobody renewed for this long, with no sign of trouble, is a left-over. Ours."""

COMPONENT_RESTARTS = 3
"""Restarts of a control-plane component, the last run a short one, that make a crash loop. Ours."""

COMPONENT_LOG = 600.0
"""Errors in a component's log older than this are history. Ours."""

COMPONENT_ERRORS = 5
"""Errors in that time that are worth a word. Ours; healthy components log some all day long."""

STORAGE_ERRORS = 5
"""Failed requests to etcd in that time that are more than a change of its leader. Ours."""

API_REQUESTS = 1000
"""Requests an API server must have answered before a share of them says something. Ours."""

API_SLOW_SECONDS = 1.0
"""Longer than this an answer is slow (Kubernetes' own objective for single objects: 99 % within 1 s)."""

API_SLOW_SHARE = 0.05
"""The share of slow answers from which an API server is slow. Ours; five times what the objective allows."""

ETCD_QUOTA = 2 * 1024**3
"""Bytes an etcd takes before it refuses writes (--quota-backend-bytes, its default)."""

ETCD_NEARLY_FULL = 0.9
"""The part of its quota from which an etcd is nearly full. Ours."""

CERTIFICATE_EXPIRING = 30 * 86400.0
"""A certificate that ends sooner than this is to be renewed, if it was made for much longer. Ours."""

CERTIFICATE_REMAINDER = 0.1
"""The last part of its life in which a certificate should have been renewed by whatever renews it. Ours;
short-lived ones are renewed at a third or half of it."""

CERTIFICATE_SHORT = 86400.0
"""Certificates made for no longer than this come with every login and are no business of ours. Ours."""

SIGNING_PENDING = 600.0
"""A kubelet may wait this long for its certificate. Ours; the controller manager signs within seconds."""

ZONE_LOST_TOGETHER = 60.0
"""Nodes that fell silent within this time fell silent together. Ours; the node controller looks every 5 s."""

ZONE_UNHEALTHY = 0.55
"""The part of a zone's nodes from which the zone is the trouble (--unhealthy-zone-threshold, its default)."""

JUST_BEFORE = 3600.0
"""A change this long before a fault, or less, may be its cause. Ours."""

NODE_CONDITION_STALE = 600.0
"""A node condition not renewed for this long is history: node problem detector renews its own every five
minutes (--k8s-exporter-heartbeat-period, its default)."""

NPD_STARTING = 300.0
"""A node problem detector may take this long until its conditions are there. Ours; it waits for the API."""

NPD_OLDEST = (0, 8)
"""Older node problem detectors are not kept any more, and expect older kernels' messages. Ours."""

PROMETHEUS_STARTING = 900.0
"""A Prometheus may read back its log this long before it is ready (the operator's startup probe)."""

CPU_THROTTLED = 0.25
"""The part of its periods in which a container waited for cpu that is worth a word, ..."""

CPU_THROTTLED_FOR = 900.0
"""... when it lasts this long (both: alert CPUThrottlingHigh of kubernetes-mixin, of severity info)."""

MEMORY_CLIMB = 0.2
"""A climb to the limit spans this part of the limit at least; less is what every program does. Ours."""

MEMORY_CLIMB_FOR = 600.0
"""A climb lasts this long at least, or it is a jump. Ours."""

MEMORY_CLIMB_END = 0.8
"""The last value before the kill was this part of the limit at least: it was seen climbing there. Ours."""

SCRAPE_FAILS = 600.0
"""A target that could not be scraped for so long is not just restarting. Ours; ten scrapes or more."""

AUDIT_WINDOW = 300.0
"""What happens within this counts as one burst, of refusals or deletions. Ours."""

AUDIT_REFUSED = 5
"""Refusals of one user in a burst that are more than a slip. Ours; one wrong `kubectl get` is one, ..."""

AUDIT_REFUSED_ADDRESS = 10
"""... and of one address by users that are not told apart. Ours."""

AUDIT_DELETED = 20
"""Deletions by one user in a burst that are more than tidying up. Ours."""

AUDIT_RIGHTS_PAIR = 3600.0
"""A right that is made and taken away within this was meant for one purpose. Ours."""

AUDIT_SETUP = 900.0
"""So long after its first start everybody sets up a cluster: network, storage, rights. Ours."""

AUDIT_ERROR_SHARE = 0.01
"""The share of requests the API server fails that is no hiccup, ... Ours; its availability target is 99 %."""

AUDIT_ERRORS_LEAST = 10
"""... and how many there are at least. Ours; a share of few is chance."""

AUDIT_SLOW = 1.0
"""A request slower than this is worth a line (Kubernetes' own target for single objects, 99th percentile)."""

AUDIT_LATENCY = 5.0
"""So long a backend may take for a batch of audit events. The upstream guide's own example."""

AUDIT_UPTIME = 300.0
"""An API server younger than this has no average of audit events worth a verdict. Ours."""

AUDIT_ROLLOUT = 3600.0
"""API servers may have different audit flags this long after one was restarted. Ours; one by one is usual."""

AUDIT_WATCH = (30, 100)
"""Between these many seconds two readings of the counters lie apart. Ours; a cell has 120 s by default."""

IDENTITY_LEASE = 60.0
"""An API server that renewed its identity Lease within this time lives (it does every ten seconds)."""

VPA_FIRST_WORD = 900.0
"""A new VerticalPodAutoscaler may be without a recommendation this long. Ours; minutes are usual."""

RUNTIME_SETTLING = 60.0
"""The API may lag behind the container runtime by this. Ours; the kubelet needs seconds to report."""

RUNTIME_ORPHAN = 300.0
"""A sandbox of a pod the API does not know is left behind after this. Ours; a pod deleted with force may
take its grace period, 30 s by default, to stop."""

RUNTIME_LISTS_APART = 600.0
"""A runtime's list older or newer than what the API says by more than this is not compared with it. Ours."""

CLOCK_OFF = 60.0
"""A node's clock that is off by more than this counts. Ours; whoever asks may be off by 30 s too."""

IMAGE_FS_FULL = 0.85
"""The used part of the images' file system at which the kubelet deletes unused images
(imageGCHighThresholdPercent) and evicts pods (imagefs.available<15%), its defaults."""

IMAGES_UNUSED = 0.25
"""The part of an image file system that unused images take and that is worth a word. Ours."""

FILE_SYSTEM_FULL = 0.95
"""The used part at which a file system in a container is nearly full. Ours."""

DEBUG_START_WAIT = 60.0
"""An ephemeral container or node shell not running after this has not started. Ours; as the guide waits."""

DEBUG_COPY_WAIT = 120.0
"""A copy of a pod for debugging not running after this has failed. Ours; it may have to pull an image."""

DEBUG_STEADY = 30.0
"""A copy that runs this long, and twice as long as the original did, stays up. Ours."""

ZOMBIES = 50
"""Ended processes nobody collects that are worth a word. Ours; each takes one of the pod's numbers."""
