"""The commands as functions: compile, measure, inspect, evaluate, tune, search, train, export and more."""
