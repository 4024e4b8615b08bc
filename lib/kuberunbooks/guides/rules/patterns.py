"""The texts Kubernetes writes, as patterns: one per source, to be used on that source only.

On other text they misfire ("not found" is everywhere). Strip the prefixes of events
first (`Event.text`). Named groups; alternatives number them name, name2.
Spellings seen on v1.36, and older ones where known.
"""

from __future__ import annotations

import re

# scheduler
RX_SCHED_HEAD = re.compile(r"^0/(?P<n>\d+) nodes are available(?:: (?P<body>.*))?$", re.DOTALL)
RX_SCHED_SPLIT = re.compile(r"\.+\s+(?=(?:[^.]*?, )?preemption: |no new claims to deallocate|not found\.*$)")
RX_SCHED_LIST = re.compile(r", (?=\d+ )")
RX_SCHED_ITEM = re.compile(r"^(?P<count>\d+) (?P<reason>.+)$")
RX_PREEMPT = re.compile(r"preemption: (?:0/(?P<n>\d+) nodes are available: )?(?P<body>.+?)\.*$")
RX_SC_MISSING = re.compile(r'storageclass(?:es)?(?:\.storage\.k8s\.io)? "(?P<sc>[^"]+)" not found')

# logs
RX_LOG_ERROR = re.compile(
    r"(?i)\b\w*(?:error|exception)\b|\b(?:fatal|panic|traceback|critical|abort(?:ed|ing)?|refused|denied|cannot|can't|could not|unable to|failed|missing|no such|invalid|timed? ?out|held by)\b|does not exist|not found"
)

# restarts
RX_KILL = re.compile(r"^Container (?P<c>\S+) failed (?P<probe>liveness|startup) probe, will be restarted")
RX_PROBE = re.compile(
    r"^(?P<probe>Liveness|Readiness|Startup) probe (?P<how>failed|errored)[^:]*: (?P<detail>.*)"
)
RX_PROBE_WHY = re.compile(
    r"statuscode: (?P<status>\d+)|(?P<refused>connection refused)|(?P<timeout>context deadline exceeded|i/o timeout|timed out|Client\.Timeout)"
)
RX_EVICT = re.compile(
    r'low on resource: (?P<res>[\w\-]+)|Pod ephemeral local storage usage exceeds the total limit of containers (?P<podlimit>\S+?)\.? *$|[Cc]ontainer (?P<c>\S+) exceeded its local ephemeral storage limit "(?P<climit>[^"]+)"|EmptyDir volume "(?P<vol>[^"]+)" exceeds the limit "(?P<vlimit>[^"]+)"'
)

# images: waiting message or event Failed only
RX_IMG_NOTFOUND = re.compile(
    r"(?i)manifest unknown|name unknown|code = NotFound|: not found\b|repository (?:name )?(?:does not exist|not known)"
)
RX_IMG_AUTH = re.compile(
    r"(?i)unauthorized|authentication required|pull access denied|authorization failed|insufficient_scope|\bdenied\b|no basic auth|(?:status(?: code)?:? |code = )40[13]\b|\b403 Forbidden"
)
RX_IMG_RATE = re.compile(r"(?i)toomanyrequests|rate limit|\b429 Too Many|status(?: code)?:? 429\b")
RX_IMG_NET = re.compile(
    r"(?i)no such host|i/o timeout|connection refused|context deadline exceeded|connection reset|no route to host|network is unreachable|proxyconnect|x509:|tls:|TLS handshake|: EOF$|\b50[0-4] (?:Internal|Bad Gateway|Service Unavailable|Gateway)|status(?: code)?:? 5\d\d\b"
)
RX_LOOKUP = re.compile(r"lookup (?P<host>[\w.\-]+)(?: on (?P<dns>\S+?))?: (?P<why>.+)$")
RX_IMG_ARCH = re.compile(
    r"(?i)no match for platform|no matching manifest|does not match the specified platform|exec format error"
)
RX_IMG_DISK = re.compile(r"(?i)no space left on device")

# config, start, mounts
RX_CFG_MISSING = re.compile(
    r'(?P<kind>secret|configmap) "(?P<name>[^"]+)" not found|couldn\'t find key (?P<key>\S+) in (?P<kind2>Secret|ConfigMap) (?P<ns>[^/\s]+)/(?P<name2>\S+)'
)
RX_NONROOT = re.compile(r"runAsNonRoot and image (?:will run as root|has non-numeric user)")
RX_NOEXEC = re.compile(
    r'exec: "(?P<exe>[^"]+)": (?:stat \S+: )?(?P<why>executable file not found in \$PATH|no such file or directory|permission denied|is a directory|exec format error)|(?P<why2>exec format error)'
)
RX_SANDBOX_CNI = re.compile(
    r'(?i)failed to set ?up (?:pod )?(?:sandbox )?network|cni plugin not initialized|plugin type="[^"]+" failed|failed to find plugin|no IP addresses available|failed to allocate|networkPlugin cni failed'
)
RX_SANDBOX_IMG = re.compile(r'(?i)failed to (?:get|pull) sandbox image "(?P<img>[^"]+)"')
RX_MOUNT = re.compile(
    r'^(?:MountVolume\.(?P<op>\w+) failed|MapVolume\.\w+ failed|Unable to attach or mount volumes|AttachVolume\.\w+ failed|Multi-Attach error)(?: for volume "(?P<vol>[^"]+)")?'
)
RX_MOUNT_REF = re.compile(
    r'(?P<kind>configmap|secret|persistentvolumeclaim) "(?P<name>[^"]+)" not found|(?P<kind2>configmap|secret) references non-existent (?:config|secret) key: (?P<key>\S+)|object "(?P<ns>[^"]+)"/"(?P<name2>[^"]+)" not registered|(?P<timeout>timed out waiting for the condition)'
)

# nodes: message of condition Ready=False, as the kubelet writes it
RX_NODE_RUNTIME = re.compile(
    r"container runtime is down|PLEG is not healthy|RuntimeReady=false|container runtime status check"
)
RX_NODE_CNI = re.compile(r"NetworkPluginNotReady|cni plugin not initialized|NetworkReady=false")
RX_NODE_SHUTDOWN = re.compile(r"node is shutting down")

# creating pods (FailedCreate event, ReplicaFailure condition)
RX_QUOTA = re.compile(
    r"exceeded quota: (?P<q>[^,]+), requested: (?P<req>.+?), used: (?P<used>.+?), limited: (?P<limited>.+)$"
)
RX_QUOTA_NEEDS = re.compile(r"failed quota: (?P<q>[^:]+): must specify (?P<what>.+)$")
RX_LIMITRANGE = re.compile(
    r"(?P<bound>minimum|maximum) (?P<res>\S+) usage per (?P<per>Container|Pod|PersistentVolumeClaim) is (?P<limit>[^\s,]+?)(?:, but (?P<what>request|limit) is (?P<asked>[^\s,]+?)|\. +No (?P<unset>request|limit) is specified)?\.?(?=$|, )"
)
RX_PODSECURITY = re.compile(r'violates PodSecurity "(?P<lvl>\w+):(?P<ver>[^"]+)": (?P<why>.*)$')
RX_ADMISSION = re.compile(
    r'admission webhook "(?P<wh>[^"]+)" denied|ValidatingAdmissionPolicy \'(?P<policy>[^\']+)\'(?: with binding \'[^\']+\')? denied request'
)
RX_WEBHOOK_DOWN = re.compile(
    r'failed calling webhook "(?P<wh>[^"]+)": (?:failed to call webhook: )?(?:Post "https://(?P<svc>[\w\-]+)\.(?P<ns>[\w\-]+)\.svc[^"]*": )?(?P<why>.*)$'
)
RX_SA_MISSING = re.compile(
    r'error looking up service account (?P<ns>[^/\s]+)/(?P<sa>[^:\s]+)|serviceaccount "(?P<sa2>[^"]+)" not found'
)

# autoscalers: conditions of a HorizontalPodAutoscaler
RX_NAMED_NOT_FOUND = re.compile(r'\S+ "(?P<name>[^"]+)" not found')
RX_FORBIDDEN = re.compile(
    r'is forbidden: User "(?P<user>[^"]+)" cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)"(?: in API group "(?P<group>[^"]*)")?'
)
RX_HPA_NO_API = re.compile(
    r"could not find the requested resource \(get [^)\s]*?(?P<api>(?:(?:custom|external)\.)?metrics)\.k8s\.io\)|no custom metrics API \((?P<registered>custom\.metrics)\.k8s\.io\) registered|currently unable to handle the request \(get [^)\s]*?(?P<busy>(?:(?:custom|external)\.)?metrics)\.k8s\.io\)"
)
RX_HPA_NO_REQUEST = re.compile(
    r"missing request for (?P<resource>[\w./-]+)(?: in container (?P<container>\S+) of Pod (?P<pod>\S+))?"
)
RX_HPA_NO_SAMPLES = re.compile(r"no metrics returned from|did not receive metrics for")
RX_HPA_UNKNOWN_METRIC = re.compile(
    r"could not find the metric (?P<metric>\S+) for|no matching metrics found for|could not find the descriptor for metric"
)
