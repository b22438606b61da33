"""The command line: `start` is its entry point, `group` holds the verbs, one module per verb is in `verbs`."""
