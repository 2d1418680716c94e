"""What is put aside when the agent's tests run with a Windows Python (`make test-wine`), and why.

Everything that is not named here runs on Windows, too. `tests/windows` says there what the ones about processes say here.
"""

MODULES = {
    "test_agent.py": "job texts for /bin/sh, fifos and signals; tests/windows has their like",
    "test_agent_sites.py": "job texts for /bin/sh",
    "test_file_wait.py": "file waits on Windows are not there yet",
    "test_file_waits.py": "file waits on Windows are not there yet",
    "test_local_socket.py": "the server's control socket is a Unix socket",
    "test_poll_epoll.py": "a stand-in for Unixes without epoll",
    "test_process_unix.py": "Unixes without /proc, posix_spawn or wait4",
    "test_run_user.py": "users, groups and setuid",
    "test_trusted_folder.py": "modes and owners of folders",
}

TESTS = {
    "test_a_text_goes_to_the_shell_without_its_carriage_returns": "the shell is /bin/sh",
    "test_a_text_with_an_interpreter_line_or_beyond_100_kib_is_executed_as_a_file": "the shell is /bin/sh",
    "test_bytes_that_are_no_text_reach_the_job_as_they_are": "the shell is /bin/sh",
    "test_a_stop_runs_the_stop_command_under_a_claim_of_its_own": "the shell is /bin/sh",
    "test_jobs_of_a_unix_write_utf_8": "output in the code page of the machine",
    "test_a_line_whose_peer_is_gone_is_broken_for_sending_and_ends_for_receiving": "Wine tells of a reset only once",
    "test_what_the_kernel_does_not_take_follows_in_order": "Windows takes any single piece whole",
}
