"""Field numbers of the agent's operator API.

Sources: include/mesos/v1/agent/agent.proto and, of mesos.proto, ResourceStatistics (those of its
fields that are measured here); ``schema`` explains the notation.
"""

MESSAGES = """
agent.Call {
    agent.Call.Type type=1; agent.Call.GetMetrics get_metrics=2;
    agent.Call.SetLoggingLevel set_logging_level=3; agent.Call.ListFiles list_files=4;
    agent.Call.ReadFile read_file=5;
    agent.Call.LaunchNestedContainer launch_nested_container=6;
    agent.Call.WaitNestedContainer wait_nested_container=7;
    agent.Call.KillNestedContainer kill_nested_container=8;
    agent.Call.LaunchNestedContainerSession launch_nested_container_session=9;
    agent.Call.AttachContainerInput attach_container_input=10;
    agent.Call.AttachContainerOutput attach_container_output=11;
    agent.Call.RemoveNestedContainer remove_nested_container=12;
    agent.Call.LaunchContainer launch_container=13; agent.Call.WaitContainer wait_container=14;
    agent.Call.KillContainer kill_container=15; agent.Call.RemoveContainer remove_container=16;
    agent.Call.GetContainers get_containers=20; agent.Call.PruneImages prune_images=21 }
agent.Call.GetMetrics { DurationInfo timeout=1 }
agent.Call.SetLoggingLevel { uint32 level=1!; DurationInfo duration=2! }
agent.Call.ListFiles { string path=1! }
agent.Call.ReadFile { string path=1!; uint64 offset=2!; uint64 length=3 }
agent.Call.GetContainers { bool show_nested=1; bool show_standalone=2 }
agent.Call.LaunchNestedContainer {
    ContainerID container_id=1!; CommandInfo command=2; ContainerInfo container=3 }
agent.Call.WaitNestedContainer { ContainerID container_id=1! }
agent.Call.KillNestedContainer { ContainerID container_id=1!; int32 signal=2 }
agent.Call.RemoveNestedContainer { ContainerID container_id=1! }
agent.Call.LaunchNestedContainerSession {
    ContainerID container_id=1!; CommandInfo command=2; ContainerInfo container=3 }
agent.Call.AttachContainerInput {
    agent.Call.AttachContainerInput.Type type=1; ContainerID container_id=2;
    agent.ProcessIO process_io=3 }
agent.Call.AttachContainerOutput { ContainerID container_id=1! }
agent.Call.LaunchContainer {
    ContainerID container_id=1!; CommandInfo command=2; Resource resources=3*;
    ContainerInfo container=4; map<string,Value.Scalar> limits=5 }
agent.Call.WaitContainer { ContainerID container_id=1! }
agent.Call.KillContainer { ContainerID container_id=1!; int32 signal=2 }
agent.Call.RemoveContainer { ContainerID container_id=1! }
agent.Call.PruneImages { Image excluded_images=1* }
agent.Response {
    agent.Response.Type type=1; agent.Response.GetHealth get_health=2;
    agent.Response.GetFlags get_flags=3; agent.Response.GetVersion get_version=4;
    agent.Response.GetMetrics get_metrics=5; agent.Response.GetLoggingLevel get_logging_level=6;
    agent.Response.ListFiles list_files=7; agent.Response.ReadFile read_file=8;
    agent.Response.GetState get_state=9; agent.Response.GetContainers get_containers=10;
    agent.Response.GetFrameworks get_frameworks=11; agent.Response.GetExecutors get_executors=12;
    agent.Response.GetTasks get_tasks=13;
    agent.Response.WaitNestedContainer wait_nested_container=14;
    agent.Response.GetAgent get_agent=15; agent.Response.WaitContainer wait_container=16;
    agent.Response.GetResourceProviders get_resource_providers=17;
    agent.Response.GetOperations get_operations=18 }
agent.Response.GetHealth { bool healthy=1! }
agent.Response.GetFlags { Flag flags=1* }
agent.Response.GetVersion { VersionInfo version_info=1! }
agent.Response.GetMetrics { Metric metrics=1* }
agent.Response.GetLoggingLevel { uint32 level=1! }
agent.Response.ListFiles { FileInfo file_infos=1* }
agent.Response.ReadFile { uint64 size=1!; bytes data=2! }
agent.Response.GetState {
    agent.Response.GetTasks get_tasks=1; agent.Response.GetExecutors get_executors=2;
    agent.Response.GetFrameworks get_frameworks=3 }
agent.Response.GetContainers { agent.Response.GetContainers.Container containers=1* }
agent.Response.GetContainers.Container {
    FrameworkID framework_id=1; ExecutorID executor_id=2; string executor_name=3;
    ContainerID container_id=4!; ContainerStatus container_status=5;
    ResourceStatistics resource_statistics=6 }
agent.Response.GetFrameworks {
    agent.Response.GetFrameworks.Framework frameworks=1*;
    agent.Response.GetFrameworks.Framework completed_frameworks=2* }
agent.Response.GetFrameworks.Framework { FrameworkInfo framework_info=1! }
agent.Response.GetExecutors {
    agent.Response.GetExecutors.Executor executors=1*;
    agent.Response.GetExecutors.Executor completed_executors=2* }
agent.Response.GetExecutors.Executor { ExecutorInfo executor_info=1! }
agent.Response.GetOperations { Operation operations=1* }
agent.Response.GetTasks {
    Task pending_tasks=1*; Task queued_tasks=2*; Task launched_tasks=3*; Task terminated_tasks=4*;
    Task completed_tasks=5* }
agent.Response.GetAgent {
    AgentInfo agent_info=1; DrainConfig drain_config=2; TimeInfo estimated_drain_start_time=3 }
agent.Response.GetResourceProviders {}
agent.Response.WaitNestedContainer {
    int32 exit_status=1; TaskState state=2; TaskStatus.Reason reason=3;
    TaskResourceLimitation limitation=4; string message=5 }
agent.Response.WaitContainer {
    int32 exit_status=1; TaskState state=2; TaskStatus.Reason reason=3;
    TaskResourceLimitation limitation=4; string message=5 }
agent.ProcessIO {
    agent.ProcessIO.Type type=1; agent.ProcessIO.Data data=2; agent.ProcessIO.Control control=3 }
agent.ProcessIO.Data { agent.ProcessIO.Data.Type type=1; bytes data=2 }
agent.ProcessIO.Control {
    agent.ProcessIO.Control.Type type=1; TTYInfo tty_info=2;
    agent.ProcessIO.Control.Heartbeat heartbeat=3 }
agent.ProcessIO.Control.Heartbeat { DurationInfo interval=1 }
ResourceStatistics {
    double timestamp=1!; double cpus_user_time_secs=2; double cpus_system_time_secs=3;
    double cpus_limit=4; uint64 mem_rss_bytes=5; uint64 mem_limit_bytes=6;
    uint32 cpus_nr_periods=7; uint32 cpus_nr_throttled=8; double cpus_throttled_time_secs=9;
    uint64 mem_file_bytes=10; uint64 mem_anon_bytes=11; uint64 disk_limit_bytes=26;
    uint64 disk_used_bytes=27; uint32 processes=30; uint32 threads=31; uint64 mem_total_bytes=36;
    uint64 mem_cache_bytes=39; uint64 mem_swap_bytes=40 }
"""
