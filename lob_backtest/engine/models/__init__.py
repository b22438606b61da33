"""Models of what a feed does not show: where cancels were, what a fill costs, how long a message takes.

Each module states the assumption of its models and their known bias. A model is a pure function of integers, or a small
class that holds its part of the plan; the rest of an engine does not depend on which one is configured.
"""
