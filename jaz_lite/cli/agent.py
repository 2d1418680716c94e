"""The group `agent`: what is done on an agent's machine, and what the server is asked about its agents.

Commands of the first kind (`run`, `enroll`, `status`, `jobs`, ...) take the agent's data directory as `--data`, those
of the second kind the server's.
"""

from collections.abc import Mapping

from jaz_lite.cli.session import LazyGroup

# Where each command lives: module and name in it. First those of the agent's machine, then those of the server.
COMMANDS: Mapping[str, tuple[str, str]] = {
    "enroll": ("agent_enroll", "enroll"),
    "run": ("agent_here", "run"),
    "stop": ("agent_here", "stop"),
    "status": ("agent_here", "status"),
    "jobs": ("agent_here", "jobs"),
    "policy": ("agent_policy", "policy"),
    "credential": ("agent_credential", "credential"),
    "selfcheck": ("agent_here", "selfcheck"),
    "set-server": ("agent_here", "set_server"),
    "invite": ("agent_invite", "invite"),
    "invites": ("agent_invite", "invites"),
    "uninvite": ("agent_invite", "uninvite"),
    "bundle": ("agent_invite", "bundle"),
    "add": ("agent_invite", "add"),
    "waiting": ("agent_invite", "waiting"),
    "accept": ("agent_invite", "accept"),
    "reject": ("agent_invite", "reject"),
    "revoke": ("agent_keys", "revoke"),
    "list": ("agent_list", "list_"),
    "show": ("agent_list", "show"),
    "set": ("agent_list", "set_"),
    "drain": ("agent_list", "drain"),
    "undrain": ("agent_list", "undrain"),
    "rekey": ("agent_keys", "rekey"),
}

agent = LazyGroup(
    "agent",
    places=COMMANDS,
    help="Agents: run one on this machine, and manage those of the site.",
    epilog="Commands of the agent's machine use --data or JAZ_LITE_AGENT_DATA; the others ask the server of --data.",
)
