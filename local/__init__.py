"""Run the API on this machine, without Docker: gateway, embedded Postgres, tokens."""
