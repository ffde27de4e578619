"""The connection to Postgres, its faults, and the migrations."""
