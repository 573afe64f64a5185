# SPDX-FileCopyrightText: 2026 The podwright authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

from tests.support import aci
from tests.support.paths import CHECKOUT
from tests.support.private_host import PrivateHost, Result
from tests.support.webserver import ImageServer


def curl(host: PrivateHost, server: ImageServer, *arguments: str) -> Result:
    return host.run(["curl", "-sS", "--cacert", str(server.files.ca), *arguments])


def test_discovery_leads_to_the_image_and_its_signature(
    private_host: PrivateHost,
    https_server: ImageServer,
    published: Callable[..., Path],
    tmp_path: Path,
) -> None:
    served = published(version="2.0")
    page = (
        curl(private_host, https_server, "https://example.com/tiny?ac-discovery=1").check().stdout
    )
    template = page.split('name="ac-discovery" content="example.com ')[1].split('"')[0]
    url = template.format(
        name="example.com/tiny", version="2.0", os="linux", arch=aci.host_arch(), ext="aci"
    )
    curl(
        private_host,
        https_server,
        "--fail",
        "-o",
        str(tmp_path / "x"),
        "-o",
        str(tmp_path / "y"),
        url,
        url + ".asc",
    )
    assert (tmp_path / "x").read_bytes() == served.read_bytes()
    assert (tmp_path / "y").read_text().startswith("-----BEGIN PGP SIGNATURE-----")


def test_an_etag_answers_not_modified(
    private_host: PrivateHost,
    https_server: ImageServer,
    published: Callable[..., Path],
    tmp_path: Path,
) -> None:
    published()
    url = f"https://example.com/images/example.com/tiny-1.0-linux-{aci.host_arch()}.aci"
    etag = ["--etag-save", str(tmp_path / "etag"), "--etag-compare", str(tmp_path / "etag")]
    for _ in range(2):
        curl(private_host, https_server, *etag, "-o", "/dev/null", url).check()
    assert [request.status for request in https_server.requests] == [
        HTTPStatus.OK,
        HTTPStatus.NOT_MODIFIED,
    ]


def test_an_interrupted_download_resumes(
    private_host: PrivateHost,
    https_server: ImageServer,
    published: Callable[..., Path],
    tmp_path: Path,
) -> None:
    served = published()
    (tmp_path / "part").write_bytes(served.read_bytes()[:5000])
    url = f"https://example.com/images/example.com/tiny-1.0-linux-{aci.host_arch()}.aci"
    curl(private_host, https_server, "-C", "-", "-o", str(tmp_path / "part"), url).check()
    assert https_server.requests[-1].headers["range"] == "bytes=5000-"
    assert (tmp_path / "part").read_bytes() == served.read_bytes()


def test_an_answer_can_be_replaced(private_host: PrivateHost, https_server: ImageServer) -> None:
    https_server.answers["/x"] = lambda handler: handler.send_bytes(
        HTTPStatus.ACCEPTED, b"later", "text/plain"
    )
    assert curl(private_host, https_server, "https://example.com/x").check().stdout == "later"


def test_paths_outside_the_root_are_not_found(
    private_host: PrivateHost, https_server: ImageServer
) -> None:
    url = "https://example.com/..%2f..%2f..%2f..%2f..%2f..%2fetc/passwd"
    assert curl(private_host, https_server, "--path-as-is", url).stdout == "not found\n"


def test_the_certificate_is_not_trusted_without_its_authority(
    private_host: PrivateHost, https_server: ImageServer
) -> None:
    result = private_host.run(["curl", "-sS", "https://example.com/"])
    assert result.exit == 60, result
    assert https_server.requests == []


def test_it_runs_as_a_program_until_sigterm(tmp_path: Path) -> None:
    (tmp_path / "www").mkdir()
    command = [
        sys.executable,
        "-m",
        "tests.support.webserver",
        "--root",
        str(tmp_path / "www"),
        "--name",
        "localhost",
    ]
    listen = ["--listen", "127.0.0.1:0"]
    with subprocess.Popen(
        [*command, *listen], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        assert server.stdout.readline().startswith("serving ")
        server.terminate()
        assert server.wait(timeout=10) == 0
