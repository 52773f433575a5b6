"""The verbs: one module each, which composes the layers below. Nothing heavy is imported before a verb is called."""
