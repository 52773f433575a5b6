import os
import re
import signal
import socket
import subprocess
import sys

import httpx
import pytest
from click.testing import CliRunner

from folkseq.cli import main


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_a_page_until_it_is_interrupted(tmp_path, number):
    command = [sys.executable, "-m", "folkseq", "studio", "--no-browser", "--folder", "kept"]
    started = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, env={**os.environ})
    try:
        address = re.search(r"http://127\.0\.0\.1:\d+/\?token=\S+", started.stderr.readline())[0]
        with httpx.Client(transport=httpx.HTTPTransport(retries=9)) as client:
            assert "<title>folkseq studio</title>" in client.get(address).text
    finally:
        started.send_signal(number)
        _, rest = started.communicate(timeout=30)
    assert started.returncode in (0, -number)
    assert "Traceback" not in rest


def test_a_port_that_is_taken_is_one_line(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = CliRunner().invoke(main, ["studio", "--no-browser", "--port", str(port)])
    assert (refused.exit_code, refused.stderr.count("\n"), f"--port {port}" in refused.stderr) == (1, 1, True)


@pytest.mark.parametrize("wrong", [["runs/none"], ["--soundfont", "none.sf2"]])
def test_what_is_not_there_is_one_line(wrong):
    refused = CliRunner().invoke(main, ["studio", "--no-browser", *wrong])
    assert (refused.exit_code, refused.stderr.count("\n"), wrong[-1] in refused.stderr) == (1, 1, True)
