"""What the commands do, as functions: compile, measure, inspect, evaluate, tune, characterize, search, train, export."""
