"""The agent's program: `run`, `keeper` and what else `program.py` lists, each for one data directory.

The keeper's branch comes before all imports: it must stay small and needs none of them.
"""

import sys


def main(arguments: list[str]) -> int:
    """Do what the command line says and return the exit code."""
    if arguments[:1] == ["keeper"] and len(arguments) == 3 and arguments[1] == "--data":
        from jaz_lite.agent import keeper

        return keeper.run(arguments[2])
    from jaz_lite.agent.program import agent_command

    return agent_command(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
