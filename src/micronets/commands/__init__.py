"""What the commands do, as functions: compile, measure, inspect, evaluate, characterize, search, train, export."""
