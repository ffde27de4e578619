"""Postgres, from a statement to the network.

query runs statements. connection opens the connection, with the settings of conninfo.
diagnosis finds out which of the faults an error is. migrate makes the tables.
"""
