"""What /proc, cgroups and netlink say of machines and containers, from recorded text."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.monitoring.probe.containers import usage
from orchestrator.monitoring.probe.host import parsing
from orchestrator.monitoring.probe.kernel.addresses import Scopes, parse_address
from orchestrator.monitoring.probe.kernel.messages import attributes, messages, request

STAT = "cpu  100 0 50 800 40 0 10 0 0 0\ncpu0 1 0 0 0 0 0 0 0\ncpu1 1 0 0 0 0 0 0 0\nbtime 1700\n"
DEV = """Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets
    lo:  500  5 0 0 0 0 0 0  500  5 0 0 0 0 0 0
  eth0: 1000  9 0 0 0 0 0 0 2000 9 0 0 0 0 0 0
"""
DISKS = """ 254 0 vda 10 0 8 5 20 0 16 6 0 0 0
 254 1 vda1 10 0 8 5 20 0 16 6 0 0 0
 7 0 loop0 10 0 8 5 20 0 16 6 0 0 0
"""
MOUNTS = """25 1 0:21 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
26 1 0:22 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
27 1 0:23 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
"""


def test_waiting_for_a_disk_is_no_work() -> None:
    cpu = parsing.parse_cpu(STAT, 100)
    assert (cpu.busy_s, cpu.cpus, cpu.booted_at) == (1.6, 2, 1700.0)


def test_memory_is_in_bytes() -> None:
    found = parsing.parse_memory("MemTotal:  100 kB\nHugePages_Total:   2\nodd\n")
    assert found == {"MemTotal": 102400, "HugePages_Total": 2}


def test_only_traffic_that_leaves_the_machine_counts() -> None:
    assert parsing.parse_network(DEV, lambda name: name != "lo") == (1000, 2000)


def test_only_whole_disks_count() -> None:
    assert parsing.parse_disks(DISKS, lambda name: name in ("vda", "loop0")) == (4096, 8192)


def test_cgroups_are_found_in_both_versions() -> None:
    assert usage.parse_mounts(MOUNTS)["cpuacct"] == ("/", "/sys/fs/cgroup/cpu,cpuacct")
    assert usage.parse_mounts(MOUNTS)[""] == ("/", "/sys/fs/cgroup/unified")
    paths = usage.parse_paths("4:cpu,cpuacct:/docker/a\n0::/b\n")
    assert paths == {"cpu": "/docker/a", "cpuacct": "/docker/a", "": "/b"}


def test_no_limit_is_none() -> None:
    assert usage.parse_limit("9223372036854771712\n") is None
    assert usage.parse_limit("max\n") is None
    assert usage.parse_limit("1048576\n") == 1048576


def test_file_pages_that_could_go_are_not_used_memory() -> None:
    assert usage.working_set(1000, {"total_inactive_file": 400, "inactive_file": 1}) == 600
    assert usage.working_set(1000, {"inactive_file": 2000}) == 0
    assert usage.working_set(None, {}) is None


def test_io_of_both_versions() -> None:
    assert usage.parse_io("8:0 rbytes=10 wbytes=20 rios=1\n8:1 rbytes=1 wbytes=2\n") == (11, 22)
    assert usage.parse_io_v1("8:0 Read 10\n8:0 Write 20\n8:0 Total 30\nTotal 30\n") == (10, 20)


@given(st.text(max_size=200))
def test_any_text_of_a_cgroup_can_be_read(text: str) -> None:
    usage.parse_pairs(text)
    usage.parse_paths(text)
    usage.parse_mounts(text)
    usage.parse_io(text)
    usage.parse_io_v1(text)


def test_an_address_of_the_machine() -> None:
    body = struct.pack("=BBBBI", 2, 24, 0, 0, 5)
    body += struct.pack("=HH4s", 8, 1, bytes((10, 0, 0, 9)))
    body += struct.pack("=HH4s", 8, 2, bytes((10, 0, 0, 1)))
    [message] = messages(request(20, body))
    assert parse_address(message) == (5, "10.0.0.1", 24)


@given(st.binary(max_size=300))
def test_any_bytes_of_the_kernel_can_be_read(data: bytes) -> None:
    for message in messages(data):
        attributes(message.data, message.begin, message.end)
        parse_address(message)


def test_a_scope_says_among_whom_an_address_means_one_thing() -> None:
    import ipaddress

    scopes = Scopes("h", (ipaddress.ip_network("172.17.0.0/16"),))
    assert scopes.of("127.0.0.1", 7) == "h:7"
    assert scopes.of("172.17.3.4", 7) == "h"
    assert scopes.of("10.1.2.3", 7) == ""
    assert scopes.of("::1", 7) == "h:7"
