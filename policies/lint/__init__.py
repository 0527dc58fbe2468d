"""Lint: what a steward should know about policies before they go live, a file for each rule.

Every rule is a pure function from what is known (`scope.Scope`) to findings. None of them opens or closes anything:
what lint says is advice, what compiling says is law.
"""
