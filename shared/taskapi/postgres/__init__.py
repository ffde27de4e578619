"""Postgres, from a statement to the network.

query runs one statement, pipeline several that are committed together; execute sends
and prepares them. connection opens the connection, with the settings of conninfo.
diagnosis finds out which of the faults an error is. migrate makes the tables.
"""
