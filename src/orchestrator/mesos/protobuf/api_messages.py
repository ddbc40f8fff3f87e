"""Field numbers of the scheduler's, the executor's and the operator's API.

Sources: include/mesos/v1/{scheduler,executor,master,quota,maintenance,allocator}/*.proto and
google/protobuf/duration.proto; ``schema`` explains the notation.
"""

MESSAGES = """
scheduler.Event {
    scheduler.Event.Type type=1; scheduler.Event.Subscribed subscribed=2;
    scheduler.Event.Offers offers=3; scheduler.Event.Rescind rescind=4;
    scheduler.Event.Update update=5; scheduler.Event.Message message=6;
    scheduler.Event.Failure failure=7; scheduler.Event.Error error=8;
    scheduler.Event.InverseOffers inverse_offers=9;
    scheduler.Event.RescindInverseOffer rescind_inverse_offer=10;
    scheduler.Event.UpdateOperationStatus update_operation_status=11 }
scheduler.Event.Subscribed {
    FrameworkID framework_id=1!; double heartbeat_interval_seconds=2; MasterInfo master_info=3 }
scheduler.Event.Offers { Offer offers=1* }
scheduler.Event.InverseOffers { InverseOffer inverse_offers=1* }
scheduler.Event.Rescind { OfferID offer_id=1! }
scheduler.Event.RescindInverseOffer { OfferID inverse_offer_id=1! }
scheduler.Event.Update { TaskStatus status=1! }
scheduler.Event.UpdateOperationStatus { OperationStatus status=1! }
scheduler.Event.Message { AgentID agent_id=1!; ExecutorID executor_id=2!; bytes data=3! }
scheduler.Event.Failure { AgentID agent_id=1; ExecutorID executor_id=2; int32 status=3 }
scheduler.Event.Error { string message=1! }
scheduler.AttributeConstraint {
    scheduler.AttributeConstraint.Selector selector=1!;
    scheduler.AttributeConstraint.Predicate predicate=2! }
scheduler.AttributeConstraint.Selector {
    scheduler.AttributeConstraint.Selector.PseudoattributeType pseudoattribute_type=1;
    string attribute_name=2 }
scheduler.AttributeConstraint.Predicate {
    scheduler.AttributeConstraint.Predicate.Exists exists=1;
    scheduler.AttributeConstraint.Predicate.NotExists not_exists=2;
    scheduler.AttributeConstraint.Predicate.TextEquals text_equals=3;
    scheduler.AttributeConstraint.Predicate.TextNotEquals text_not_equals=4;
    scheduler.AttributeConstraint.Predicate.TextMatches text_matches=5;
    scheduler.AttributeConstraint.Predicate.TextNotMatches text_not_matches=6 }
scheduler.AttributeConstraint.Predicate.Exists {}
scheduler.AttributeConstraint.Predicate.NotExists {}
scheduler.AttributeConstraint.Predicate.TextEquals { string value=1! }
scheduler.AttributeConstraint.Predicate.TextNotEquals { string value=1! }
scheduler.AttributeConstraint.Predicate.TextMatches { string regex=1! }
scheduler.AttributeConstraint.Predicate.TextNotMatches { string regex=1! }
scheduler.OfferConstraints {
    map<string,scheduler.OfferConstraints.RoleConstraints> role_constraints=1 }
scheduler.OfferConstraints.RoleConstraints {
    scheduler.OfferConstraints.RoleConstraints.Group groups=1* }
scheduler.OfferConstraints.RoleConstraints.Group {
    scheduler.AttributeConstraint attribute_constraints=1* }
scheduler.Call {
    FrameworkID framework_id=1; scheduler.Call.Type type=2; scheduler.Call.Subscribe subscribe=3;
    scheduler.Call.Accept accept=4; scheduler.Call.Decline decline=5; scheduler.Call.Kill kill=6;
    scheduler.Call.Shutdown shutdown=7; scheduler.Call.Acknowledge acknowledge=8;
    scheduler.Call.Reconcile reconcile=9; scheduler.Call.Message message=10;
    scheduler.Call.Request request=11;
    scheduler.Call.AcceptInverseOffers accept_inverse_offers=13;
    scheduler.Call.DeclineInverseOffers decline_inverse_offers=14;
    scheduler.Call.Revive revive=15; scheduler.Call.Suppress suppress=16;
    scheduler.Call.AcknowledgeOperationStatus acknowledge_operation_status=17;
    scheduler.Call.ReconcileOperations reconcile_operations=18;
    scheduler.Call.UpdateFramework update_framework=19 }
scheduler.Call.Subscribe {
    FrameworkInfo framework_info=1!; string suppressed_roles=2*;
    scheduler.OfferConstraints offer_constraints=3 }
scheduler.Call.Accept { OfferID offer_ids=1*; Offer.Operation operations=2*; Filters filters=3 }
scheduler.Call.Decline { OfferID offer_ids=1*; Filters filters=2 }
scheduler.Call.AcceptInverseOffers { OfferID inverse_offer_ids=1*; Filters filters=2 }
scheduler.Call.DeclineInverseOffers { OfferID inverse_offer_ids=1*; Filters filters=2 }
scheduler.Call.Revive { string roles=1* }
scheduler.Call.Kill { TaskID task_id=1!; AgentID agent_id=2; KillPolicy kill_policy=3 }
scheduler.Call.Shutdown { ExecutorID executor_id=1!; AgentID agent_id=2! }
scheduler.Call.Acknowledge { AgentID agent_id=1!; TaskID task_id=2!; bytes uuid=3! }
scheduler.Call.AcknowledgeOperationStatus {
    AgentID agent_id=1; ResourceProviderID resource_provider_id=2; bytes uuid=3!;
    OperationID operation_id=4! }
scheduler.Call.Reconcile { scheduler.Call.Reconcile.Task tasks=1* }
scheduler.Call.Reconcile.Task { TaskID task_id=1!; AgentID agent_id=2 }
scheduler.Call.ReconcileOperations { scheduler.Call.ReconcileOperations.Operation operations=1* }
scheduler.Call.ReconcileOperations.Operation {
    OperationID operation_id=1!; AgentID agent_id=2; ResourceProviderID resource_provider_id=3 }
scheduler.Call.Message { AgentID agent_id=1!; ExecutorID executor_id=2!; bytes data=3! }
scheduler.Call.Request { Request requests=1* }
scheduler.Call.Suppress { string roles=1* }
scheduler.Call.UpdateFramework {
    FrameworkInfo framework_info=1!; string suppressed_roles=2*;
    scheduler.OfferConstraints offer_constraints=3 }
executor.Event {
    executor.Event.Type type=1; executor.Event.Subscribed subscribed=2;
    executor.Event.Acknowledged acknowledged=3; executor.Event.Launch launch=4;
    executor.Event.Kill kill=5; executor.Event.Message message=6; executor.Event.Error error=7;
    executor.Event.LaunchGroup launch_group=8 }
executor.Event.Subscribed {
    ExecutorInfo executor_info=1!; FrameworkInfo framework_info=2!; AgentInfo agent_info=3!;
    ContainerID container_id=4 }
executor.Event.Launch { TaskInfo task=1! }
executor.Event.LaunchGroup { TaskGroupInfo task_group=1! }
executor.Event.Kill { TaskID task_id=1!; KillPolicy kill_policy=2 }
executor.Event.Acknowledged { TaskID task_id=1!; bytes uuid=2! }
executor.Event.Message { bytes data=1! }
executor.Event.Error { string message=1! }
executor.Call {
    ExecutorID executor_id=1!; FrameworkID framework_id=2!; executor.Call.Type type=3;
    executor.Call.Subscribe subscribe=4; executor.Call.Update update=5;
    executor.Call.Message message=6 }
executor.Call.Subscribe {
    TaskInfo unacknowledged_tasks=1*; executor.Call.Update unacknowledged_updates=2* }
executor.Call.Update { TaskStatus status=1! }
executor.Call.Message { bytes data=2! }
master.Call {
    master.Call.Type type=1; master.Call.GetMetrics get_metrics=2;
    master.Call.SetLoggingLevel set_logging_level=3; master.Call.ListFiles list_files=4;
    master.Call.ReadFile read_file=5; master.Call.UpdateWeights update_weights=6;
    master.Call.ReserveResources reserve_resources=7;
    master.Call.UnreserveResources unreserve_resources=8;
    master.Call.CreateVolumes create_volumes=9; master.Call.DestroyVolumes destroy_volumes=10;
    master.Call.UpdateMaintenanceSchedule update_maintenance_schedule=11;
    master.Call.StartMaintenance start_maintenance=12;
    master.Call.StopMaintenance stop_maintenance=13; master.Call.SetQuota set_quota=14;
    master.Call.RemoveQuota remove_quota=15; master.Call.Teardown teardown=16;
    master.Call.MarkAgentGone mark_agent_gone=17; master.Call.GrowVolume grow_volume=18;
    master.Call.ShrinkVolume shrink_volume=19; master.Call.UpdateQuota update_quota=20;
    master.Call.DrainAgent drain_agent=21; master.Call.DeactivateAgent deactivate_agent=22;
    master.Call.ReactivateAgent reactivate_agent=23 }
master.Call.GetMetrics { DurationInfo timeout=1 }
master.Call.SetLoggingLevel { uint32 level=1!; DurationInfo duration=2! }
master.Call.ListFiles { string path=1! }
master.Call.ReadFile { string path=1!; uint64 offset=2!; uint64 length=3 }
master.Call.UpdateWeights { WeightInfo weight_infos=1* }
master.Call.ReserveResources { AgentID agent_id=1!; Resource resources=2*; Resource source=3* }
master.Call.UnreserveResources { AgentID agent_id=1!; Resource resources=2* }
master.Call.CreateVolumes { AgentID agent_id=1!; Resource volumes=2* }
master.Call.DestroyVolumes { AgentID agent_id=1!; Resource volumes=2* }
master.Call.GrowVolume { AgentID agent_id=1; Resource volume=2!; Resource addition=3! }
master.Call.ShrinkVolume { AgentID agent_id=1; Resource volume=2!; Value.Scalar subtract=3! }
master.Call.UpdateMaintenanceSchedule { maintenance.Schedule schedule=1! }
master.Call.StartMaintenance { MachineID machines=1* }
master.Call.StopMaintenance { MachineID machines=1* }
master.Call.DrainAgent { AgentID agent_id=1!; Duration max_grace_period=2; bool mark_gone=3 }
master.Call.DeactivateAgent { AgentID agent_id=1! }
master.Call.ReactivateAgent { AgentID agent_id=1! }
master.Call.UpdateQuota { bool force=1; quota.QuotaConfig quota_configs=2* }
master.Call.SetQuota { quota.QuotaRequest quota_request=1! }
master.Call.RemoveQuota { string role=1! }
master.Call.Teardown { FrameworkID framework_id=1! }
master.Call.MarkAgentGone { AgentID agent_id=1! }
master.Response {
    master.Response.Type type=1; master.Response.GetHealth get_health=2;
    master.Response.GetFlags get_flags=3; master.Response.GetVersion get_version=4;
    master.Response.GetMetrics get_metrics=5; master.Response.GetLoggingLevel get_logging_level=6;
    master.Response.ListFiles list_files=7; master.Response.ReadFile read_file=8;
    master.Response.GetState get_state=9; master.Response.GetAgents get_agents=10;
    master.Response.GetFrameworks get_frameworks=11;
    master.Response.GetExecutors get_executors=12; master.Response.GetTasks get_tasks=13;
    master.Response.GetRoles get_roles=14; master.Response.GetWeights get_weights=15;
    master.Response.GetMaster get_master=16;
    master.Response.GetMaintenanceStatus get_maintenance_status=17;
    master.Response.GetMaintenanceSchedule get_maintenance_schedule=18;
    master.Response.GetQuota get_quota=19; master.Response.GetOperations get_operations=20 }
master.Response.GetHealth { bool healthy=1! }
master.Response.GetFlags { Flag flags=1* }
master.Response.GetVersion { VersionInfo version_info=1! }
master.Response.GetMetrics { Metric metrics=1* }
master.Response.GetLoggingLevel { uint32 level=1! }
master.Response.ListFiles { FileInfo file_infos=1* }
master.Response.ReadFile { uint64 size=1!; bytes data=2! }
master.Response.GetState {
    master.Response.GetTasks get_tasks=1; master.Response.GetExecutors get_executors=2;
    master.Response.GetFrameworks get_frameworks=3; master.Response.GetAgents get_agents=4 }
master.Response.GetAgents {
    master.Response.GetAgents.Agent agents=1*; AgentInfo recovered_agents=2* }
master.Response.GetAgents.Agent {
    AgentInfo agent_info=1!; bool active=2!; string version=3!; string pid=4;
    TimeInfo registered_time=5; TimeInfo reregistered_time=6; Resource total_resources=7*;
    Resource allocated_resources=8*; Resource offered_resources=9*;
    AgentInfo.Capability capabilities=10*; bool deactivated=12; DrainInfo drain_info=13;
    TimeInfo estimated_drain_start_time=14 }
master.Response.GetFrameworks {
    master.Response.GetFrameworks.Framework frameworks=1*;
    master.Response.GetFrameworks.Framework completed_frameworks=2*;
    FrameworkInfo recovered_frameworks=3* }
master.Response.GetFrameworks.Framework {
    FrameworkInfo framework_info=1!; bool active=2!; bool connected=3!;
    TimeInfo registered_time=4; TimeInfo reregistered_time=5; TimeInfo unregistered_time=6;
    Offer offers=7*; InverseOffer inverse_offers=8*; Resource allocated_resources=9*;
    Resource offered_resources=10*; bool recovered=11!;
    scheduler.OfferConstraints offer_constraints=12 }
master.Response.GetExecutors {
    master.Response.GetExecutors.Executor executors=1*;
    master.Response.GetExecutors.Executor orphan_executors=2* }
master.Response.GetExecutors.Executor { ExecutorInfo executor_info=1!; AgentID agent_id=2! }
master.Response.GetOperations { Operation operations=1* }
master.Response.GetTasks {
    Task pending_tasks=1*; Task tasks=2*; Task completed_tasks=3*; Task orphan_tasks=4*;
    Task unreachable_tasks=5* }
master.Response.GetRoles { Role roles=1* }
master.Response.GetWeights { WeightInfo weight_infos=1* }
master.Response.GetMaster { MasterInfo master_info=1; double start_time=2; double elected_time=3 }
master.Response.GetMaintenanceStatus { maintenance.ClusterStatus status=1! }
master.Response.GetMaintenanceSchedule { maintenance.Schedule schedule=1! }
master.Response.GetQuota { quota.QuotaStatus status=1! }
master.Event {
    master.Event.Type type=1; master.Event.Subscribed subscribed=2;
    master.Event.TaskAdded task_added=3; master.Event.TaskUpdated task_updated=4;
    master.Event.AgentAdded agent_added=5; master.Event.AgentRemoved agent_removed=6;
    master.Event.FrameworkAdded framework_added=7;
    master.Event.FrameworkUpdated framework_updated=8;
    master.Event.FrameworkRemoved framework_removed=9 }
master.Event.Subscribed {
    master.Response.GetState get_state=1; double heartbeat_interval_seconds=2 }
master.Event.TaskAdded { Task task=1! }
master.Event.TaskUpdated { FrameworkID framework_id=1!; TaskStatus status=2!; TaskState state=3! }
master.Event.FrameworkAdded { master.Response.GetFrameworks.Framework framework=1! }
master.Event.FrameworkUpdated { master.Response.GetFrameworks.Framework framework=1! }
master.Event.FrameworkRemoved { FrameworkInfo framework_info=1! }
master.Event.AgentAdded { master.Response.GetAgents.Agent agent=1! }
master.Event.AgentRemoved { AgentID agent_id=1! }
maintenance.Window { MachineID machine_ids=1*; Unavailability unavailability=2! }
maintenance.Schedule { maintenance.Window windows=1* }
maintenance.ClusterStatus {
    maintenance.ClusterStatus.DrainingMachine draining_machines=1*; MachineID down_machines=2* }
maintenance.ClusterStatus.DrainingMachine {
    MachineID id=1!; allocator.InverseOfferStatus statuses=2* }
quota.QuotaInfo { string role=1; string principal=2; Resource guarantee=3* }
quota.QuotaRequest { bool force=1; string role=2; Resource guarantee=3* }
quota.QuotaConfig {
    string role=1!; map<string,Value.Scalar> guarantees=2; map<string,Value.Scalar> limits=3 }
quota.QuotaStatus { quota.QuotaInfo infos=1*; quota.QuotaConfig configs=2* }
allocator.InverseOfferStatus {
    allocator.InverseOfferStatus.Status status=1!; FrameworkID framework_id=2!;
    TimeInfo timestamp=3! }
Duration { int64 seconds=1; int32 nanos=2 }
"""
