"""Pictures of what was learnt and how: pure functions from data to a figure, or to blocks for a terminal.

Figures are matplotlib's own objects, drawn without pyplot, so that nothing is kept open and no display is needed.
"""
