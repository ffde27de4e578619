"""All lists that a caller can request."""

from itertools import combinations, product

from taskapi.tasks.lists import FILTERS, ORDERS, SORTS, list_statement

EVERY_LIST = {
    (sort, order, filters): list_statement(sort, order, filters)
    for sort, order in product(SORTS, ORDERS)
    for count in range(len(FILTERS) + 1)
    for filters in combinations(FILTERS, count)
}
"""The statements by sort, order and filters."""
