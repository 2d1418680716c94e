"""What is put aside when the agent's tests run with a Windows Python (`make test-wine`), and why.

Everything that is not named here runs on Windows, too. `tests/windows` says there what the ones about processes say here.
"""

MODULES = {
    "test_agent.py": "job texts for /bin/sh, fifos and signals; tests/windows has their like",
    "test_agent_sites.py": "job texts for /bin/sh",
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
    "test_a_wait_for_a_file_to_be_gone": "paths with / only",
    "test_wildcards_match_names_as_a_shell_does": "names that differ in their case only",
    "test_without_wildcards_a_star_is_a_star": "a name with a star in it, which Windows has not",
    "test_what_cannot_be_waited_for_ends_the_wait_with_255_and_a_sentence": "fifos, and paths with / only",
    "test_a_link_is_followed_inside_the_roots_and_deleting_takes_the_link": "symbolic links need a privilege",
    "test_a_link_that_leads_out_of_the_roots_is_refused_and_one_that_leads_nowhere_is_absent": "as above",
    "test_names_are_written_in_the_encoding_of_the_host": "names are text on Windows, not bytes",
    "test_a_name_that_the_encoding_has_no_characters_for_is_refused": "as above",
    "test_wildcards_find_names_that_are_no_text": "as above",
    "test_a_line_whose_peer_is_gone_is_broken_for_sending_and_ends_for_receiving": "Wine tells of a reset only once",
    "test_what_the_kernel_does_not_take_follows_in_order": "Windows takes any single piece whole",
}
