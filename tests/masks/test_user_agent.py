"""user_agent: a common browser."""

from penstock.pools.load import pool
from tests.masks.standing import masked


def test_a_user_agent_is_a_common_one():
    (agent,) = masked("user_agent", ["Mozilla/5.0 (Linux; U; very rare phone)"])
    assert agent in pool("user_agents").to_pylist()
