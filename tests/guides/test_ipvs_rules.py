"""Reading `ipvsadm -ln`."""

from __future__ import annotations

from kuberunbooks.guides.rules.ipvs_rules import read_ipvs

HEAD = """\
IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
"""
DUMP = (
    HEAD
    + """\
TCP  10.96.253.89:80 rr
  -> 10.244.0.203:80              Masq    1      0          3
  -> 10.244.0.204:80              Masq    1      1          2
  -> 10.244.0.205:80              Masq    1      0          3
TCP  10.96.28.87:80 rr persistent 10800
  -> 10.244.0.203:9376            Masq    1      0          0
  -> 10.244.0.204:9376            Masq    0      1          0
TCP  10.96.242.98:80 rr
TCP  [fd00:96::a]:80 rr
  -> [fd00:10::5]:8080            Masq    1      0          0
UDP  10.96.72.100:80 rr
  -> 10.244.0.203:80              Masq    1      0          0
"""
)


def test_virtual_servers_lead_to_their_real_servers() -> None:
    dump = read_ipvs(DUMP)
    assert dump is not None
    assert dump.ways["10.96.253.89", "tcp", 80].backends == {
        "10.244.0.203:80",
        "10.244.0.204:80",
        "10.244.0.205:80",
    }
    assert dump.ways["fd00:96::a", "tcp", 80].backends == {"[fd00:10::5]:8080"}
    assert dump.ways["10.96.72.100", "udp", 80].backends == {"10.244.0.203:80"}
    assert dump.families == {4, 6}


def test_a_real_server_of_weight_0_only_ends_its_connections() -> None:
    dump = read_ipvs(DUMP)
    assert dump is not None
    assert dump.ways["10.96.28.87", "tcp", 80].backends == {"10.244.0.203:9376"}


def test_a_virtual_server_without_real_servers_turns_away() -> None:
    dump = read_ipvs(DUMP)
    assert dump is not None
    assert ("10.96.242.98", "tcp", 80) in dump.refusals
    assert ("10.96.242.98", "tcp", 80) not in dump.ways


def test_names_instead_of_numbers_and_other_texts_are_not_read() -> None:
    assert read_ipvs(HEAD + "TCP  kubernetes.default:https rr\n") is None
    assert read_ipvs("*nat\nCOMMIT\n") is None


def test_an_empty_table_is_one() -> None:
    dump = read_ipvs(HEAD)
    assert dump is not None
    assert not dump.ways
    assert dump.families == {4}
