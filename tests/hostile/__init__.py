"""Peers that mean harm, as tests: which threat of the design is tried where.

    T1   a stranger commands an agent        test_impostors: other certificate, right certificate without the agent's
                                             key, other site; work ordered before the agent was synced
    T2   a stranger or an agent forges       test_impostors: wrong key, unknown name, revoked; test_foreign_reports:
         results                             results, output, refusals, inventories for the work of others, claims of
                                             work that is still to come
    T3   in the middle, replay               test_impostors: a recorded handshake said again, either way
    T4   an old master commands              test_impostors: stale, with and without a valid ticket; and tests/sim
    T5   an agent deposes the server         test_impostors: forged terms in hello and in stale
    T6   garbage, slowness, crowds           test_strangers (a real server, sockets), test_slowness (virtual time)
    T7   frames that are bombs               test_bombs: memory; tests/fuzz: everything that can be read
    T8   paths of files                      the tests of file copy
    T9   injection through variables         test_injection: a real job prints what it was given; names that steer
                                             programs
    T10  jobs as somebody else               the tests of run users and policies
    T11  other users of the machine          test_local_users: rights of every file an agent makes
    T20  jobs at each other's cost           tests/shells: output limits; test_bombs: peers that send without credit
    T21  clocks                              tests/sim and tests/unit/agent set them

Most are pure or in virtual time. What needs real processes is marked `real`.
"""
