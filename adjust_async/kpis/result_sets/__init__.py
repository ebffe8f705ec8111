"""The KPI Service's nested result sets, as pure functions: checked, joined, surveyed and flattened.

A result set nests one level in the other, in the order of the grouping. Each level is a list of elements. The innermost
elements hold `kpi_values`, in the order of `result_parameters.kpis`. The functions follow the keys of the data, never
the echoed grouping: `network` comes back as `networks`, and `weeks` as `dates`. Levels are ragged: one element may have
a level that the next one lacks.
"""
