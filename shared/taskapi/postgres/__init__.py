"""Postgres, from a statement to the network.

query runs a statement, on the connection that connection opens as conninfo says.
diagnosis finds out which of the faults an error is. migrate makes the tables.
"""
