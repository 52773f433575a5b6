"""Plots of training, networks and music: functions from data to a matplotlib figure, or to blocks for a terminal.

Figures are drawn without pyplot, so that nothing stays open and no display is needed.
"""
