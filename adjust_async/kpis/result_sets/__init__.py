"""Pure functions that check, join and flatten the KPI Service's nested result sets.

A result set nests each level in the elements of the one above, in the order of the grouping. A level is a list of
elements. The innermost elements hold `kpi_values`, in the order of `result_parameters.kpis`. The functions follow the
keys of the data, never the echoed grouping: `network` is returned as `networks`, and `weeks` as `dates`. Levels are
ragged: one element may have a level that the next one lacks.
"""
