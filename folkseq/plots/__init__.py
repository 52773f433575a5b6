"""Plots of training, networks and music: functions from data to a matplotlib figure, or to text for a terminal.

The functions do not use pyplot, so no figure stays open and no display is needed.
"""
