# Copyright (c) 2026 The airgap.ferry authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts inside are cut off: no route, no name is found, no connection to the index, no download by pip.

The same questions are asked of the staging host, where each way must be open: a check that could not fail would fail here.
"""

from __future__ import annotations

import pytest

testinfra_hosts = [
    "ssh://depot",
    "ssh://server-bullseye",
    "ssh://server-bookworm",
    "ssh://server-trixie",
    "ssh://staging",
]

CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 5).close()"
# By the pip that the bundle carried and that lies on every host since; a bare host has no other.
DOWNLOAD = """
import runpy, sys, sysconfig
sysconfig._PIP_USE_SYSCONFIG = True
sys.path.insert(0, sys.argv.pop(1))
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""


@pytest.fixture
def is_open(host):
    """Every way is open on the staging host, and closed on all others."""
    return host.backend.hostname == "staging"


def test_there_is_no_way_out_in_the_routing_table(host, is_open):
    routes = host.check_output("ip -4 route show default; ip -6 route show default")
    assert bool(routes) == is_open, routes


def test_no_name_is_found(host, is_open, lab):
    done = host.run("getent hosts %s", lab.index()[1])
    assert (done.rc == 0) == is_open, done.stdout


def test_the_index_cannot_be_connected_to_by_its_address(host, is_open, lab):
    _url, _name, address, port = lab.index()
    done = host.run("python3 -c %s %s %s", CONNECT, address, str(port))
    assert (done.rc == 0) == is_open, done.stderr
    assert is_open or "unreachable" in done.stderr, done.stderr


def test_pip_cannot_download(host, is_open, lab):
    pip = host.check_output(
        "find /opt/ferry /srv -name 'pip-*.whl' | sort --field-separator=/ --version-sort | tail -1"
    )
    assert pip, "no pip lies on the host, so nothing was tried"
    # Trusting whatever answers, so that a certificate that is not known here is not taken for an air gap.
    url, name, _address, _port = lab.index()
    done = host.run(
        "python3 -c %s %s --isolated --retries 0 --timeout 5 --trusted-host %s "
        "download --index-url %s --quiet --no-deps --dest /tmp/cut-off six",
        *(DOWNLOAD, pip, name, url),
    )
    assert (done.rc == 0) == is_open, done.stdout + done.stderr
    assert is_open or "No matching distribution found for six" in done.stderr, done.stderr
