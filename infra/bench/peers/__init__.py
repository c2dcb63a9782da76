"""Programs that do the least a rival can do, to be timed beside ours."""
