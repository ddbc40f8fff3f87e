"""Field numbers of mesos.proto: frameworks, masters, agents, resources and offers.

Source: include/mesos/v1/mesos.proto (Apache Mesos 1.11); ``schema`` explains the notation.
"""

MESSAGES = """
FrameworkID { string value=1! }
OfferID { string value=1! }
AgentID { string value=1! }
ExecutorID { string value=1! }
ResourceProviderID { string value=1! }
TimeInfo { int64 nanoseconds=1! }
DurationInfo { int64 nanoseconds=1! }
Address { string hostname=1; string ip=2; int32 port=3! }
URL { string scheme=1!; Address address=2!; string path=3; Parameter query=4*; string fragment=5 }
Unavailability { TimeInfo start=1!; DurationInfo duration=2 }
MachineID { string hostname=1; string ip=2 }
FrameworkInfo {
    string user=1!; string name=2!; FrameworkID id=3; double failover_timeout=4;
    bool checkpoint=5; string role=6; string hostname=7; string principal=8; string webui_url=9;
    FrameworkInfo.Capability capabilities=10*; Labels labels=11; string roles=12*;
    map<string,OfferFilters> offer_filters=13 }
FrameworkInfo.Capability { FrameworkInfo.Capability.Type type=1 }
DomainInfo { DomainInfo.FaultDomain fault_domain=1 }
DomainInfo.FaultDomain {
    DomainInfo.FaultDomain.RegionInfo region=1!; DomainInfo.FaultDomain.ZoneInfo zone=2! }
DomainInfo.FaultDomain.RegionInfo { string name=1! }
DomainInfo.FaultDomain.ZoneInfo { string name=1! }
MasterInfo {
    string id=1!; uint32 ip=2!; uint32 port=3!; string pid=4; string hostname=5; string version=6;
    Address address=7; DomainInfo domain=8; MasterInfo.Capability capabilities=9* }
MasterInfo.Capability { MasterInfo.Capability.Type type=1 }
AgentInfo {
    string hostname=1!; Resource resources=3*; Attribute attributes=5*; AgentID id=6;
    int32 port=8; DomainInfo domain=10 }
AgentInfo.Capability { AgentInfo.Capability.Type type=1 }
Value.Scalar { double value=1! }
Value.Range { uint64 begin=1!; uint64 end=2! }
Value.Ranges { Value.Range range=1* }
Value.Set { string item=1* }
Value.Text { string value=1! }
Attribute {
    string name=1!; Value.Type type=2!; Value.Scalar scalar=3; Value.Ranges ranges=4;
    Value.Text text=5; Value.Set set=6 }
Resource {
    string name=1!; Value.Type type=2!; Value.Scalar scalar=3; Value.Ranges ranges=4;
    Value.Set set=5; string role=6; Resource.DiskInfo disk=7;
    Resource.ReservationInfo reservation=8; Resource.RevocableInfo revocable=9;
    Resource.SharedInfo shared=10; Resource.AllocationInfo allocation_info=11;
    ResourceProviderID provider_id=12; Resource.ReservationInfo reservations=13* }
Resource.AllocationInfo { string role=1 }
Resource.ReservationInfo {
    string principal=1; Labels labels=2; string role=3; Resource.ReservationInfo.Type type=4 }
Resource.DiskInfo {
    Resource.DiskInfo.Persistence persistence=1; Volume volume=2;
    Resource.DiskInfo.Source source=3 }
Resource.DiskInfo.Persistence { string id=1!; string principal=2 }
Resource.DiskInfo.Source {
    Resource.DiskInfo.Source.Type type=1!; Resource.DiskInfo.Source.Path path=2;
    Resource.DiskInfo.Source.Mount mount=3; string id=4; Labels metadata=5; string profile=6;
    string vendor=7 }
Resource.DiskInfo.Source.Path { string root=1 }
Resource.DiskInfo.Source.Mount { string root=1 }
Resource.RevocableInfo {}
Resource.SharedInfo {}
OfferFilters { OfferFilters.MinAllocatableResources min_allocatable_resources=1 }
OfferFilters.ResourceQuantities { map<string,Value.Scalar> quantities=1 }
OfferFilters.MinAllocatableResources { OfferFilters.ResourceQuantities quantities=1* }
Request { AgentID agent_id=1; Resource resources=2* }
Offer {
    OfferID id=1!; FrameworkID framework_id=2!; AgentID agent_id=3!; string hostname=4!;
    Resource resources=5*; ExecutorID executor_ids=6*; Attribute attributes=7*; URL url=8;
    Unavailability unavailability=9; Resource.AllocationInfo allocation_info=10;
    DomainInfo domain=11 }
Offer.Operation {
    Offer.Operation.Type type=1; Offer.Operation.Launch launch=2;
    Offer.Operation.Reserve reserve=3; Offer.Operation.Unreserve unreserve=4;
    Offer.Operation.Create create=5; Offer.Operation.Destroy destroy=6;
    Offer.Operation.LaunchGroup launch_group=7; OperationID id=12;
    Offer.Operation.GrowVolume grow_volume=13; Offer.Operation.ShrinkVolume shrink_volume=14 }
Offer.Operation.Launch { TaskInfo task_infos=1* }
Offer.Operation.LaunchGroup { ExecutorInfo executor=1!; TaskGroupInfo task_group=2! }
Offer.Operation.Reserve { Resource resources=1*; Resource source=2* }
Offer.Operation.Unreserve { Resource resources=1* }
Offer.Operation.Create { Resource volumes=1* }
Offer.Operation.Destroy { Resource volumes=1* }
Offer.Operation.GrowVolume { Resource volume=1!; Resource addition=2! }
Offer.Operation.ShrinkVolume { Resource volume=1!; Value.Scalar subtract=2! }
InverseOffer {
    OfferID id=1!; URL url=2; FrameworkID framework_id=3!; AgentID agent_id=4;
    Unavailability unavailability=5!; Resource resources=6* }
Filters { double refuse_seconds=1 }
Labels { Label labels=1* }
Label { string key=1!; string value=2 }
WeightInfo { double weight=1!; string role=2 }
VersionInfo {
    string version=1!; string build_date=2; double build_time=3; string build_user=4;
    string git_sha=5; string git_branch=6; string git_tag=7 }
Flag { string name=1!; string value=2 }
Role { string name=1!; double weight=2!; FrameworkID frameworks=3*; Resource resources=4* }
Metric { string name=1!; double value=2 }
FileInfo {
    string path=1!; int32 nlink=2; uint64 size=3; TimeInfo mtime=4; uint32 mode=5; string uid=6;
    string gid=7 }
DrainConfig { DurationInfo max_grace_period=1; bool mark_gone=2 }
DrainInfo { DrainState state=1!; DrainConfig config=2! }
"""
