"""The verbs, one module each, composed from the layers below. Heavy packages are imported only when a verb runs."""
