"""Workloads: what makes pods, and what it says about making them."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from .base import Api, ConditionedObject, ConditionedStatus, KubernetesObject, Time, View
from .pod import PodTemplate
from .selectors import LabelSelector
from .storage import PersistentVolumeClaim


class MakerSpec(View):
    """What the spec of everything that makes pods has."""

    selector: LabelSelector = msgspec.field(default_factory=LabelSelector)
    template: PodTemplate = msgspec.field(default_factory=PodTemplate)


class PodMaker(ConditionedObject):
    """Base of the kinds whose controller makes pods."""

    spec: MakerSpec = msgspec.field(default_factory=MakerSpec)

    @property
    def selector(self) -> LabelSelector:
        """Which pods are its own."""
        return self.spec.selector

    @property
    def template(self) -> PodTemplate:
        """What its pods are made from."""
        return self.spec.template


class WorkloadSpec(MakerSpec):
    """spec of Deployment, ReplicaSet and StatefulSet."""

    replicas: int = 1
    progress_deadline_seconds: int | None = None


class WorkloadStatus(ConditionedStatus):
    """status of every kind of workload; a kind fills what it has."""

    observed_generation: int = 0
    replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    updated_replicas: int = 0
    desired_number_scheduled: int = 0
    current_number_scheduled: int = 0
    number_ready: int = 0
    number_available: int = 0
    updated_number_scheduled: int = 0
    current_revision: str = ""
    update_revision: str = ""


class Workload(PodMaker):
    """Base of the kinds that keep a number of pods running."""

    spec: WorkloadSpec = msgspec.field(default_factory=WorkloadSpec)
    status: WorkloadStatus = msgspec.field(default_factory=WorkloadStatus)

    @property
    def desired(self) -> int:
        """How many pods it wants."""
        return self.spec.replicas

    @property
    def ready(self) -> int:
        """How many of them are ready."""
        return self.status.ready_replicas


class Deployment(Workload):
    """A Deployment."""

    api: ClassVar[Api] = Api("apps/v1", "deployments", "Deployment")


class ReplicaSet(Workload):
    """A ReplicaSet."""

    api: ClassVar[Api] = Api("apps/v1", "replicasets", "ReplicaSet")

    @property
    def revision(self) -> int:
        """Its number in the Deployment's history (deployment.kubernetes.io/revision); 0 without one."""
        text = self.metadata.annotations.get("deployment.kubernetes.io/revision", "")
        return int(text) if text.isdigit() else 0


class RollingUpdate(View):
    """spec.updateStrategy.rollingUpdate of a StatefulSet."""

    partition: int | None = 0


class UpdateStrategy(View):
    """spec.updateStrategy of a StatefulSet: RollingUpdate or OnDelete."""

    type: str = "RollingUpdate"
    rolling_update: RollingUpdate | None = None


class Ordinals(View):
    """spec.ordinals of a StatefulSet."""

    start: int = 0


class ClaimRetention(View):
    """spec.persistentVolumeClaimRetentionPolicy of a StatefulSet: Retain or Delete."""

    when_deleted: str = "Retain"
    when_scaled: str = "Retain"


class StatefulSetSpec(WorkloadSpec):
    """spec of a StatefulSet."""

    service_name: str = ""
    pod_management_policy: str = "OrderedReady"
    update_strategy: UpdateStrategy = msgspec.field(default_factory=UpdateStrategy)
    ordinals: Ordinals | None = None
    volume_claim_templates: list[PersistentVolumeClaim] = []
    persistent_volume_claim_retention_policy: ClaimRetention | None = None


class StatefulSet(Workload):
    """A StatefulSet: its pods are numbered, and keep name, claims and place in the order."""

    api: ClassVar[Api] = Api("apps/v1", "statefulsets", "StatefulSet")
    spec: StatefulSetSpec = msgspec.field(default_factory=StatefulSetSpec)

    @property
    def is_ordered(self) -> bool:
        """podManagementPolicy OrderedReady: a pod is made once the one before it is ready."""
        return self.spec.pod_management_policy != "Parallel"

    @property
    def partition(self) -> int:
        """Pods with a lower ordinal keep their revision in a rolling update; 0 where all are updated."""
        rolling = self.spec.update_strategy.rolling_update
        return (rolling.partition or 0) if rolling is not None else 0

    @property
    def ordinals(self) -> range:
        """The ordinals it wants pods for."""
        start = self.spec.ordinals.start if self.spec.ordinals else 0
        return range(start, start + max(0, self.desired))


class DaemonSet(Workload):
    """A DaemonSet."""

    api: ClassVar[Api] = Api("apps/v1", "daemonsets", "DaemonSet")

    @property
    def desired(self) -> int:
        """How many nodes should run it."""
        return self.status.desired_number_scheduled

    @property
    def ready(self) -> int:
        """On how many nodes it is ready."""
        return self.status.number_ready


class ReplicationControllerSpec(View):
    """spec of a ReplicationController, whose selector is plain labels."""

    replicas: int = 1
    selector: dict[str, str] = {}
    template: PodTemplate = msgspec.field(default_factory=PodTemplate)


class ReplicationController(Workload):
    """A ReplicationController: the ancestor of ReplicaSet."""

    api: ClassVar[Api] = Api("v1", "replicationcontrollers", "ReplicationController")
    spec: ReplicationControllerSpec = msgspec.field(  # type: ignore[assignment]  # an older selector
        default_factory=ReplicationControllerSpec
    )

    @property
    def selector(self) -> LabelSelector:
        """Which pods are its own."""
        return LabelSelector(match_labels=self.spec.selector)


class ControllerRevision(KubernetesObject):
    """A past or present template of a StatefulSet or DaemonSet; higher revisions are newer."""

    api: ClassVar[Api] = Api("apps/v1", "controllerrevisions", "ControllerRevision")
    revision: int = 0


class JobSpec(MakerSpec):
    """spec of a Job."""

    parallelism: int | None = 1
    completions: int | None = None
    backoff_limit: int = 6
    active_deadline_seconds: int | None = None
    suspend: bool = False


class JobStatus(ConditionedStatus):
    """status of a Job."""

    active: int = 0
    ready: int | None = 0
    succeeded: int = 0
    failed: int = 0
    start_time: Time = None


class Job(PodMaker):
    """A Job."""

    api: ClassVar[Api] = Api("batch/v1", "jobs", "Job")
    spec: JobSpec = msgspec.field(default_factory=JobSpec)
    status: JobStatus = msgspec.field(default_factory=JobStatus)


class JobTemplate(View):
    """spec.jobTemplate of a CronJob."""

    spec: JobSpec = msgspec.field(default_factory=JobSpec)


class CronJobSpec(View):
    """spec of a CronJob."""

    schedule: str = ""
    suspend: bool = False
    job_template: JobTemplate = msgspec.field(default_factory=JobTemplate)


class CronJobStatus(View):
    """status of a CronJob."""

    last_successful_time: Time = None


class CronJob(KubernetesObject):
    """A CronJob."""

    api: ClassVar[Api] = Api("batch/v1", "cronjobs", "CronJob")
    spec: CronJobSpec = msgspec.field(default_factory=CronJobSpec)
    status: CronJobStatus = msgspec.field(default_factory=CronJobStatus)

    @property
    def template(self) -> PodTemplate:
        """What its Jobs' pods are made from."""
        return self.spec.job_template.spec.template


class DisruptionBudgetSpec(View):
    """spec of a PodDisruptionBudget."""

    selector: LabelSelector | None = None


class DisruptionBudgetStatus(View):
    """status of a PodDisruptionBudget."""

    disruptions_allowed: int = 0
    current_healthy: int = 0
    desired_healthy: int = 0
    expected_pods: int = 0


class PodDisruptionBudget(KubernetesObject):
    """A PodDisruptionBudget."""

    api: ClassVar[Api] = Api("policy/v1", "poddisruptionbudgets", "PodDisruptionBudget")
    spec: DisruptionBudgetSpec = msgspec.field(default_factory=DisruptionBudgetSpec)
    status: DisruptionBudgetStatus = msgspec.field(default_factory=DisruptionBudgetStatus)
