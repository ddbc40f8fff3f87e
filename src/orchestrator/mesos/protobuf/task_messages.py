"""Field numbers of mesos.proto: commands, containers, checks, tasks and operations.

Source: include/mesos/v1/mesos.proto (Apache Mesos 1.11); ``schema`` explains the notation.
"""

MESSAGES = """
TaskID { string value=1! }
ContainerID { string value=1!; ContainerID parent=2 }
OperationID { string value=1! }
CheckInfo {
    CheckInfo.Type type=1; CheckInfo.Command command=2; CheckInfo.Http http=3;
    double delay_seconds=4; double interval_seconds=5; double timeout_seconds=6;
    CheckInfo.Tcp tcp=7 }
CheckInfo.Command { CommandInfo command=1! }
CheckInfo.Http { uint32 port=1!; string path=2 }
CheckInfo.Tcp { uint32 port=1! }
HealthCheck {
    HealthCheck.HTTPCheckInfo http=1; double delay_seconds=2; double interval_seconds=3;
    double timeout_seconds=4; uint32 consecutive_failures=5; double grace_period_seconds=6;
    CommandInfo command=7; HealthCheck.Type type=8; HealthCheck.TCPCheckInfo tcp=9 }
HealthCheck.HTTPCheckInfo {
    uint32 port=1!; string path=2; string scheme=3; uint32 statuses=4*;
    NetworkInfo.Protocol protocol=5 }
HealthCheck.TCPCheckInfo { uint32 port=1!; NetworkInfo.Protocol protocol=2 }
KillPolicy { DurationInfo grace_period=1 }
CommandInfo {
    CommandInfo.URI uris=1*; Environment environment=2; string value=3; string user=5;
    bool shell=6; string arguments=7* }
CommandInfo.URI {
    string value=1!; bool executable=2; bool extract=3; bool cache=4; string output_file=5 }
ExecutorInfo {
    ExecutorID executor_id=1!; bytes data=4; Resource resources=5*; CommandInfo command=7;
    FrameworkID framework_id=8; string name=9; string source=10; ContainerInfo container=11;
    DiscoveryInfo discovery=12; DurationInfo shutdown_grace_period=13; Labels labels=14;
    ExecutorInfo.Type type=15 }
TaskInfo {
    string name=1!; TaskID task_id=2!; AgentID agent_id=3!; Resource resources=4*;
    ExecutorInfo executor=5; bytes data=6; CommandInfo command=7; HealthCheck health_check=8;
    ContainerInfo container=9; Labels labels=10; DiscoveryInfo discovery=11;
    KillPolicy kill_policy=12; CheckInfo check=13; DurationInfo max_completion_time=14;
    map<string,Value.Scalar> limits=15 }
TaskGroupInfo { TaskInfo tasks=1* }
Task {
    string name=1!; TaskID task_id=2!; FrameworkID framework_id=3!; ExecutorID executor_id=4;
    AgentID agent_id=5!; TaskState state=6!; Resource resources=7*; TaskStatus statuses=8*;
    TaskState status_update_state=9; bytes status_update_uuid=10; Labels labels=11;
    DiscoveryInfo discovery=12; ContainerInfo container=13; string user=14;
    HealthCheck health_check=15; KillPolicy kill_policy=16; map<string,Value.Scalar> limits=17 }
TaskResourceLimitation { Resource resources=1* }
UUID { bytes value=1! }
Operation {
    FrameworkID framework_id=1; AgentID agent_id=2; Offer.Operation info=3!;
    OperationStatus latest_status=4!; OperationStatus statuses=5*; UUID uuid=6! }
OperationStatus {
    OperationID operation_id=1; OperationState state=2!; string message=3;
    Resource converted_resources=4*; UUID uuid=5; AgentID agent_id=6;
    ResourceProviderID resource_provider_id=7 }
CheckStatusInfo {
    CheckInfo.Type type=1; CheckStatusInfo.Command command=2; CheckStatusInfo.Http http=3;
    CheckStatusInfo.Tcp tcp=4 }
CheckStatusInfo.Command { int32 exit_code=1 }
CheckStatusInfo.Http { uint32 status_code=1 }
CheckStatusInfo.Tcp { bool succeeded=1 }
TaskStatus {
    TaskID task_id=1!; TaskState state=2!; bytes data=3; string message=4; AgentID agent_id=5;
    double timestamp=6; ExecutorID executor_id=7; bool healthy=8; TaskStatus.Source source=9;
    TaskStatus.Reason reason=10; bytes uuid=11; Labels labels=12;
    ContainerStatus container_status=13; TimeInfo unreachable_time=14;
    CheckStatusInfo check_status=15; TaskResourceLimitation limitation=16 }
Environment { Environment.Variable variables=1* }
Environment.Variable {
    string name=1!; string value=2; Environment.Variable.Type type=3; Secret secret=4 }
Parameter { string key=1!; string value=2! }
Parameters { Parameter parameter=1* }
Credential { string principal=1!; string secret=2 }
Secret { Secret.Type type=1; Secret.Reference reference=2; Secret.Value value=3 }
Secret.Reference { string name=1!; string key=2 }
Secret.Value { bytes data=1! }
Image { Image.Type type=1!; Image.Appc appc=2; Image.Docker docker=3; bool cached=4 }
Image.Appc { string name=1!; string id=2; Labels labels=3 }
Image.Docker { string name=1!; Credential credential=2; Secret config=3 }
MountPropagation { MountPropagation.Mode mode=1 }
Volume {
    string container_path=1!; string host_path=2; Volume.Mode mode=3!; Image image=4;
    Volume.Source source=5 }
Volume.Source {
    Volume.Source.Type type=1; Volume.Source.DockerVolume docker_volume=2;
    Volume.Source.SandboxPath sandbox_path=3; Secret secret=4;
    Volume.Source.HostPath host_path=5 }
Volume.Source.DockerVolume { string driver=1; string name=2!; Parameters driver_options=3 }
Volume.Source.HostPath { string path=1!; MountPropagation mount_propagation=2 }
Volume.Source.SandboxPath { Volume.Source.SandboxPath.Type type=1; string path=2! }
NetworkInfo {
    string groups=3*; Labels labels=4; NetworkInfo.IPAddress ip_addresses=5*; string name=6;
    NetworkInfo.PortMapping port_mappings=7* }
NetworkInfo.IPAddress { NetworkInfo.Protocol protocol=1; string ip_address=2 }
NetworkInfo.PortMapping { uint32 host_port=1!; uint32 container_port=2!; string protocol=3 }
CapabilityInfo { CapabilityInfo.Capability capabilities=1* }
SeccompInfo { string profile_name=1; bool unconfined=2 }
LinuxInfo {
    CapabilityInfo capability_info=1; CapabilityInfo bounding_capabilities=2;
    CapabilityInfo effective_capabilities=3; bool share_pid_namespace=4; SeccompInfo seccomp=5;
    LinuxInfo.IpcMode ipc_mode=6; uint32 shm_size=7; bool share_cgroups=8 }
RLimitInfo { RLimitInfo.RLimit rlimits=1* }
RLimitInfo.RLimit { RLimitInfo.RLimit.Type type=1; uint64 hard=2; uint64 soft=3 }
TTYInfo { TTYInfo.WindowSize window_size=1 }
TTYInfo.WindowSize { uint32 rows=1!; uint32 columns=2! }
ContainerInfo {
    ContainerInfo.Type type=1!; Volume volumes=2*; ContainerInfo.DockerInfo docker=3;
    string hostname=4; ContainerInfo.MesosInfo mesos=5; NetworkInfo network_infos=7*;
    LinuxInfo linux_info=8; RLimitInfo rlimit_info=9; TTYInfo tty_info=10 }
ContainerInfo.DockerInfo {
    string image=1!; ContainerInfo.DockerInfo.Network network=2;
    ContainerInfo.DockerInfo.PortMapping port_mappings=3*; bool privileged=4;
    Parameter parameters=5*; bool force_pull_image=6; string volume_driver=7 }
ContainerInfo.DockerInfo.PortMapping {
    uint32 host_port=1!; uint32 container_port=2!; string protocol=3 }
ContainerInfo.MesosInfo { Image image=1 }
ContainerStatus {
    NetworkInfo network_infos=1*; uint32 executor_pid=3; ContainerID container_id=4 }
Port {
    uint32 number=1!; string name=2; string protocol=3; DiscoveryInfo.Visibility visibility=4;
    Labels labels=5 }
Ports { Port ports=1* }
DiscoveryInfo {
    DiscoveryInfo.Visibility visibility=1!; string name=2; string environment=3;
    string location=4; string version=5; Ports ports=6; Labels labels=7 }
"""
