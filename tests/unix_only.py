"""What is put aside when the agent's tests run with a Windows Python (`make test-wine`), and why.

Everything that is not named here runs on Windows, too. `tests/windows` says there what the ones about processes say here.
"""

# Modules of Unix and of the server: what cannot be imported without them is put aside, too.
NEEDS = ("pwd", "grp", "fcntl", "resource", "apsw", "cattrs", "click", "re2")

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
    "test_a_list_holds_the_regular_files_that_fit_sorted_with_what_they_are": "modes of files",
    "test_of_one_name_it_is_said_why_it_will_not_do": "symbolic links need a privilege",
    "test_names_that_are_not_utf_8_are_listed_and_read_all_the_same": "names are text on Windows, not bytes",
    "test_a_file_appears_under_its_name_when_it_is_whole": "modes of files",
    "test_a_crash_between_any_two_steps_leaves_a_whole_file_or_none_and_is_gone_on_with": "the crash leaves files open",
    "test_a_full_disk_is_said_in_a_sentence_and_leaves_nothing": "the disk is made full by means of Unix",
    "test_a_folder_that_is_missing_is_said": "paths with / only",
    "test_a_credential_is_kept_sealed_and_opened_by_its_name": "modes of files",
    "test_more_files_than_a_copy_may_have_are_refused": "ten thousand files take Wine half a minute",
    "test_what_is_told_of_many_files_is_bounded": "as above",
    "test_what_the_system_makes_up_is_no_empty_file": "/proc, which Wine shows under another name",
    "test_a_line_whose_peer_is_gone_is_broken_for_sending_and_ends_for_receiving": "Wine tells of a reset only once",
    "test_what_the_kernel_does_not_take_follows_in_order": "Windows takes any single piece whole",
}
