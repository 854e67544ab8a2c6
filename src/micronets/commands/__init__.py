"""What the commands do, as functions: compile, measure, inspect, evaluate, tune, search, train, export and more."""
